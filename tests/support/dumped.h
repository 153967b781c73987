/* What a dump says about a task; and tasks to be seen in one. For test threads, asserting. */
#ifndef TESTS_DUMPED_H
#define TESTS_DUMPED_H

#include <trale.h>

/* A dump of everything; the caller's to free. */
char *dump_text(void);

/* What a dump says about a task, without the end of the line; NULL: nothing. Until the next call. */
const char *dump_line(const trale_task *task);

/* The part of it that says what the task does: "waiting: ...". */
const char *dump_doing(const trale_task *task);

/* It is all of that. */
__attribute__((format(printf, 2, 3))) void expect_doing(const trale_task *task,
                                                        const char *format, ...);

/* It begins so. */
void expect_begins(const char *text, const char *words);

/* "0x... 'name' (file:line)": how other lines speak of the task. */
void dump_name(char text[256], const trale_task *task);

trale_task *spawn_named(const char *name, trale_fn *fn, void *arg);

/* The same; it waits when this returns. */
trale_task *spawn_waiting(trale_fn *fn, void *arg);

/* Cancels it, joins it, and wants that result. */
void end_task(trale_task *task, intptr_t result);

/* A task's function: waits for the event. */
intptr_t wait_for_event(void *event);

#endif
