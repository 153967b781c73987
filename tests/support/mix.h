/*
 * Two runtimes, of four executors and of two, and acts of all kinds with which their tasks meet,
 * each of which a deadline or a cancel may end; and the ledger of what they did.
 */
#ifndef TESTS_MIX_H
#define TESTS_MIX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <trale.h>

extern trale_runtime *mix_runtimes[2];
extern trale_event mix_event;

/* How many, and the sum of them. */
struct amount {
    atomic_long count, sum;
};

/* What must agree. Counted by everybody, looked at by the test's thread at the end. */
extern struct mix_ledger {
    long guarded; /* plain, under the mutex: whoever breaks in loses a count */
    atomic_long locked, notified, taken, acquired;
    struct amount sent, received, written, read, thrown, caught;
    atomic_long spawned, completed, unstarted, started, stackless_spawned, stackless_dropped;
    atomic_long cancels, timeouts;
    atomic_int owners, holders;
} ledger;

enum mix_check {
    RESULT,
    OWNER,
    PERMIT,
    MOVED,
    SPAWNED,
    JOINED,
    GROUPED,
    SELECTED,
    RECORD_WHOLE,
    POLLED_ALONE,
    CHECKS
};

/* Test thread, asserting. The ledger is settled when no task is left. */
void mix_begin(void);
void mix_end(void);
void mix_settle(void);

/* The rest, for tasks, asserts nothing: it counts what must not be. */
void mix_check(enum mix_check what, bool good);

/* Did it happen? If not, then only because of a deadline or a cancel. */
bool mix_got(intptr_t result);

void mix_note(struct amount *amount, long number);

/* Any act, with a deadline. */
void mix_act(uint64_t *random);

/* Any executor of any of them, or none in particular. */
trale_spawn_options mix_anywhere(uint64_t *random);

trale_channel *mix_channel(uint64_t *random);

/* The result, however the caller is cancelled. */
intptr_t mix_join(trale_task *task);

#endif
