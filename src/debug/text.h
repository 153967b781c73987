/* A text that grows in memory. */
#ifndef DEBUG_TEXT_H
#define DEBUG_TEXT_H

#include <trale/base.h>

/* Zeroed is empty. cut: there was no memory for more. */
struct text {
    char *at;
    size_t length, room;
    bool cut;
};

__attribute__((format(printf, 2, 3))) void text_add(struct text *t, const char *format, ...);

/* Nanoseconds, as seconds with so many digits. */
void text_add_time(struct text *t, int64_t ns, int digits);

/* A task that has not ended: its handle, its name, and where it was spawned. */
void text_add_task(struct text *t, const trale_task *task);

void text_free(struct text *t);

#endif
