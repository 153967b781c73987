/*
 * A soak: a random mixture of everything that the library does, for as long as one likes, and a ledger
 * in which what was begun and what has ended must agree.
 *
 * It goes in rounds of about a second. A round makes runtimes and what their tasks meet at (the arena:
 * locks, channels, pipes, sockets); a crew of bosses, in tasks on every executor, in trale_run and on
 * plain threads, lets racers act on it, and cancels some of them; then all of it is taken down, and
 * every line of the ledger has to balance. What is wrong ends the process at once, with the seed, a
 * sentence and a dump; so does a time in which nothing moves.
 *
 * What a seed repeats: what every boss and racer does, and, in this build of the library, the lots that
 * each executor draws (src/base/lots.h: which task next, which executor). Not when the kernel lets
 * a thread run. With everything on one thread and nothing from outside (repeat.c) that is all, and
 * two runs of a seed are the same, step by step.
 */
#ifndef TESTS_SOAK_H
#define TESTS_SOAK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <trale.h>

/* The ledger: what is on the left must be on the right in the end. */
#define SOAK_LINES(LINE) \
    LINE(FIBERS, "fibers", "spawned", "completed, or never begun") \
    LINE(STACKLESS, "without a stack", "spawned", "dropped") \
    LINE(MEMBERS, "members of groups", "begun", "ended") \
    LINE(JOBS, "blocking calls", "asked for", "done, or withdrawn") \
    LINE(ITEMS, "items", "sent", "received, or left") \
    LINE(ITEM_SUM, "their sum", "sent", "received, or left") \
    LINE(NOTES, "notifications", "given", "taken, or left") \
    LINE(LOCKS, "mutex", "locked", "unlocked") \
    LINE(GUARDED, "what it guards", "counted", "locked") \
    LINE(PERMITS, "permits", "acquired", "released") \
    LINE(READS, "read locks", "locked", "unlocked") \
    LINE(WRITES, "write locks", "locked", "unlocked") \
    LINE(BARRIERS, "barrier", "let through", "by who came last") \
    LINE(SCOPES, "scopes", "entered", "left") \
    LINE(TIMERS, "timers", "armed", "fired, or cut short") \
    LINE(RECORDS, "records in pipes", "written", "read, or left") \
    LINE(RECORD_SUM, "their sum", "written", "read, or left") \
    LINE(DATAGRAMS, "datagrams", "sent", "received, or left") \
    LINE(DATAGRAM_SUM, "their sum", "sent", "received, or left") \
    LINE(STREAM, "bytes of streams", "written", "read") \
    LINE(IOS, "ios", "opened", "closed") \
    LINE(RUNTIMES, "runtimes", "made", "freed") \
    LINE(THREADS, "plain threads", "begun", "joined")

#define SOAK_NAME(name, ...) name,
enum line { SOAK_LINES(SOAK_NAME) LINES };

void left(enum line line, long n);
void right(enum line line, long n);

/* How often things happened that need not. */
enum tally { CANCELLED, TIMED_OUT, CANCELS, UNBEGUN, SELECTS, CLOSED_ON, TICKS, MISSED, TALLIES };
void tally(enum tally what, long n);

void ledger_settle(const char *when);
void ledger_print(void);
long ledger_moves(void); /* how much has happened so far */

/* Says what is wrong, and the seed, and ends the process. */
_Noreturn void soak_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define must(x) ((x) ? (void)0 : soak_fail("%s:%d: must hold: %s", __FILE__, __LINE__, #x))

extern uint64_t soak_seed;

/* Who acts. */
struct actor {
    uint64_t random;
    int64_t deadline; /* of what it does now */
    bool doomed;      /* its runtime may be freed before it has ended: it is to spawn nothing */
    bool timeless;    /* in a run that is to be repeated: no clock, no descriptors */
    uint64_t *trace;  /* what happened there; else NULL */
    uint32_t id;
};

uint32_t draw(struct actor *a, uint32_t limit);
bool chance(struct actor *a, uint32_t of);
void trace(struct actor *a, intptr_t what);

/* Did it happen? If not, then only because of a deadline or a cancel. */
bool got(struct actor *a, intptr_t result);

/* Acts: each ends by itself, or by the deadline that its actor has, or by a cancel. */
void act(struct actor *a); /* any, with a deadline */
void act_lock(struct actor *a);
void act_trylock(struct actor *a);
void act_acquire(struct actor *a);
void act_read_lock(struct actor *a);
void act_write_lock(struct actor *a);
void act_wait(struct actor *a);
void act_notify(struct actor *a);
void act_condition(struct actor *a);
void act_barrier(struct actor *a);
void act_send(struct actor *a);
void act_receive(struct actor *a);
void act_try_channel(struct actor *a);
void act_select(struct actor *a);
void act_own_channel(struct actor *a);
void act_broadcast(struct actor *a);
void act_watch(struct actor *a);
void act_yield(struct actor *a);
void act_child(struct actor *a);
void act_block_on(struct actor *a);
void act_group(struct actor *a);
void act_blocking(struct actor *a);
void act_join_all(struct actor *a);
void act_sleep(struct actor *a);
void act_interval(struct actor *a);
void act_deadline(struct actor *a);
void act_record(struct actor *a);
void act_datagram(struct actor *a);
void act_stream(struct actor *a);
void act_close(struct actor *a);
void act_connect(struct actor *a);

/* What they meet at; made anew for every round. */
enum { CHANNELS = 3, PERMIT_COUNT = 3, RUNTIME_COUNT = 2 };
extern struct arena {
    trale_mutex mutex;
    long guarded; /* plain, under the mutex: whoever breaks in loses a count */
    trale_semaphore semaphore;
    trale_rwlock rwlock;
    trale_cond cond;
    trale_event event;
    trale_barrier barrier;
    trale_channel *channels[CHANNELS];
    trale_broadcast *broadcast;
    trale_watch *watch;
    trale_io *reading, *writing, *udp;
    trale_addr udp_address;
    trale_runtime *runtimes[RUNTIME_COUNT]; /* NULL: the default one */
    atomic_int owners, holders, readers, writers, flying;
} arena;

void arena_open(uint64_t seed, bool timeless);
void arena_settle(void); /* what is left is taken out, when nobody acts any more */
void arena_close(bool timeless);

/* Ios that the ledger knows of. */
trale_io *opened(trale_io *io);
void closed(trale_io *io);
trale_io *adopt(int fd);
void make_pair(trale_io **ends);
bool listen_somewhere(struct actor *a, trale_io **listener, char *endpoint, bool tcp);

/* Any runtime and any executor, or none in particular. */
trale_spawn_options anywhere(struct actor *a);

/* The result, however the caller is cancelled. */
intptr_t join_always(trale_task *task);

/* Lets racers act, until the round is over, or for so many batches; as a task's function too. */
struct boss {
    struct actor actor;
    uint32_t batches; /* 0: until the round is over */
};
intptr_t be_boss(void *boss);

/* A racer without a stack: see racer.c. */
struct stackless {
    int kind;
    long item;
    intptr_t value;
    int polling, drops; /* plain: it stays on one thread, and the join carries them over */
};
int spawn_stackless(struct actor *boss, struct stackless *s, trale_task **task,
                    const trale_spawn_options *options);
void end_stackless(struct actor *boss, struct stackless *s, intptr_t result);

/* What channels have to tell the ledger. */
void note_sent(long item);
void note_received(struct actor *a, long item);
trale_channel *any_channel(struct actor *a);

/* One round, until then; the runs that must be the same. */
void have_runtime(struct actor *a);
void round_run(uint64_t seed, int64_t until);
void repeat_check(uint64_t seed);

extern atomic_bool round_over;

#endif
