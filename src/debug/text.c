#include "debug/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "task/task.h"

/* Room for more bytes than that. */
static bool make_room(struct text *t, size_t more)
{
    size_t room = t->room ? t->room : 4096;
    char *at;

    while (room <= t->length + more)
        room *= 2;
    at = realloc(t->at, room);
    if (!at)
        return false;
    t->at = at;
    t->room = room;
    return true;
}

void text_add(struct text *t, const char *format, ...)
{
    va_list args;
    int length;

    while (!t->cut) {
        va_start(args, format);
        length = vsnprintf(t->at ? t->at + t->length : NULL, t->room - t->length, format, args);
        va_end(args);
        if (length < 0) {
            t->cut = true; /* unreachable: with these formats */
        } else if ((size_t)length < t->room - t->length) {
            t->length += (size_t)length;
            return;
        } else {
            t->cut = !make_room(t, (size_t)length);
        }
    }
}

void text_add_time(struct text *t, int64_t ns, int digits)
{
    text_add(t, "%.*f s", digits, (double)(ns > 0 ? ns : 0) / (double)TRALE_SEC);
}

void text_add_task(struct text *t, const trale_task *task)
{
    text_add(t, "%p", (const void *)task);
    if (task->name)
        text_add(t, " '%s'", task->name);
    if (task->site)
        text_add(t, " (%s)", task->site);
}

void text_free(struct text *t)
{
    free(t->at);
    *t = (struct text){0};
}
