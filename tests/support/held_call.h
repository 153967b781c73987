/*
 * One call that waits, and what becomes of it when it is not to wait any longer: a table of such
 * calls is tried in every way there is. For test threads, asserting.
 *
 * prepare sees to it that the call has to wait, and ever so; the call itself is made in a fiber or
 * on a plain thread; finish checks that it had no effect, and that everything works afterwards.
 * Calls that cannot be stopped wait until release.
 */
#ifndef TESTS_HELD_CALL_H
#define TESTS_HELD_CALL_H

#include <stdbool.h>
#include <trale.h>

struct held_call {
    const char *name;
    void (*prepare)(void);  /* NULL: nothing to do */
    intptr_t (*call)(void); /* asserts nothing */
    void (*begun)(void);    /* waits until it has begun; NULL: it has in its first poll */
    void (*release)(void);  /* not NULL: once it has begun, it does not end before this */
    void (*finish)(void);
    void (*too_late)(
        void);        /* undoes what prepare did; NULL: nothing. For calls with an outcome */
    intptr_t outcome; /* whatever ends the wait; 0: -ETIMEDOUT, -ECANCELED */
};

/* The deadline of a scope passes, in a fiber, and on a plain thread. */
void held_until_deadline(const struct held_call *c);
void held_until_deadline_on_thread(const struct held_call *c);

/* The deadline had passed before the call. Not of calls with an outcome of their own. */
void held_too_late(const struct held_call *c);

/* trale_cancel while it waits. */
void held_until_cancelled(const struct held_call *c);

/* As the body of a test: each of them in turn. */
#define HELD_EACH(table, how) \
    for (size_t held_at = 0; held_at < sizeof(table) / sizeof *(table); held_at++) \
    how(&(table)[held_at])

#endif
