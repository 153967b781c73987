/*
 * Programs of calls, from bytes. Every byte pair of the input is an operation and its argument, and
 * whoever runs takes the next one: the main task, which never waits, and the tasks that it and its
 * children spawn, which do until they wait or end. All of it happens in one trale_run, with a clock
 * that only moves when the program says so: the same bytes do the same, always.
 *
 * Beside it stands a model in which every operation takes effect in one step: when the call, or the
 * poll of the future, returns. So what a call returns must be what the model allows at that moment,
 * and is then done to the model. When nothing moves any more, nobody may wait who need not.
 *
 *   calls.c         the input, the main task, the end
 *   calls_program.c what bytes mean
 *   calls_ops.c     operations that may wait
 *   calls_tasks.c   tasks: fibers, groups, and those without a stack
 *   calls_model.c   what must hold
 *   calls_check.c   what must hold of several at once
 *   calls_clock.c   the clock, in place of the library's
 *
 * The fuzzer's library draws lots for who is next (src/base/lots.h); the first byte is their seed.
 *
 * CALLS_TRACE=1 tells what happens.
 */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include <trale.h>

enum {
    ACTORS = 12,
    OBJECTS = 3, /* of every kind */
    ROOM = 3,    /* the most that a channel holds */
    ARMS = 3,
    DEPTH = 4,
    FLYING = ACTORS * (ARMS + 1),
    SOON = TRALE_MS,
};

/* What may wait. */
enum kind {
    SEND,
    RECEIVE,
    WAIT, /* for an event */
    LOCK,
    ACQUIRE,
    READ,
    WRITE,
    PASS, /* a gate: a future of our own */
    SLEEP,
    JOIN,
    GET, /* of a one-shot */
    SIMPLE,
    SIGNAL = SIMPLE, /* of a condition, under its mutex */
    MEMBERS,         /* of a group */
    CHILD,           /* of block_on */
};

struct actor;

/* One operation that may wait. */
struct op {
    enum kind kind;
    unsigned object;
    long number; /* the item; permits; the deadline */
    struct actor *actor, *target;
    long item; /* received */
    intptr_t value;
    bool several;      /* one of several, of which one may take effect */
    bool orderly;      /* it came in its turn */
    bool through;      /* by a broadcast */
    uint64_t arrived;  /* 0: it is not under way */
    bool effect, over; /* how it ended */
};

union futures {
    trale_future future;
    trale_channel_send_future send;
    trale_channel_recv_future receive;
    trale_event_wait_future wait;
    trale_mutex_lock_future lock;
    trale_semaphore_acquire_future acquire;
    trale_rwlock_rdlock_future rwlock;
    trale_sleep_future sleep;
    trale_join_future join;
    trale_oneshot_get_future get;
};

/* An operation as a future that tells the model of its polls and of its end. */
struct spy {
    trale_future future;
    union futures inner;
    struct op op;
    bool *dropped; /* of a task */
};

enum stage { FREE, NEW, RUNNING, ENDED };

struct scope {
    trale_scope real;
    int64_t deadline;
    bool shielded, cut, unsure;
};

/* A task. Its record outlives it until nobody knows of it. */
struct actor {
    enum stage stage;
    trale_task *task; /* the handle; NULL: there is none any more */
    bool main, stackless, cancelled, joining;
    uint64_t cancelled_at; /* in arrivals; 0: not known */
    intptr_t result;
    struct scope scopes[DEPTH];
    unsigned depth;
    enum kind held; /* SIMPLE: none; LOCK, READ, WRITE */
    unsigned held_object;
    unsigned straight;     /* calls since it last waited */
    struct actor *parent;  /* of a member, or a child */
    enum kind parent_kind; /* MEMBERS, CHILD */
    bool parent_waits;
    trale_group group;
    bool group_cancelled, group_unstarted;
    int group_error;
    bool dropped;
};

struct channel {
    trale_channel *real;
    size_t capacity;
    bool closed;
    long items[ROOM + 1];
    size_t count;
    /* Without capacity: items of which one side has returned. */
    long sent[ACTORS * ARMS], taken[ACTORS * ARMS];
    size_t sent_count, taken_count;
};

struct gate {
    bool open, used;
    trale_waker *waker;
};

extern struct world {
    struct actor actors[ACTORS];
    struct channel channels[OBJECTS];
    trale_event events[OBJECTS];
    trale_mutex mutexes[OBJECTS];
    trale_semaphore semaphores[OBJECTS];
    trale_rwlock rwlocks[OBJECTS];
    trale_cond conds[OBJECTS]; /* each with the mutex of its number */
    trale_oneshot oneshots[OBJECTS];
    struct gate gates[OBJECTS];
    /* The model of them. */
    long notified[OBJECTS], permits[OBJECTS], value[OBJECTS];
    long signals[OBJECTS]; /* that were given to somebody who has not returned */
    bool mixed[OBJECTS];   /* with a broadcast: who has which is not known */
    const struct actor *owner[OBJECTS];
    unsigned readers[OBJECTS];
    bool written[OBJECTS], set[OBJECTS], closed[OBJECTS];
    long next_item;
    uint64_t arrivals, progress;
    uint64_t trace; /* of all that happened */
    bool over;      /* the input is */
} world;

extern struct op *flying[FLYING]; /* under way, the oldest first */
extern unsigned flying_count;

/* Clock. */
void clock_advance(int64_t by);
bool clock_moved(void); /* since this was called */

/* Model. */
_Noreturn void broken(const char *what, const char *file, int line);
#define must(x) ((x) ? (void)0 : broken(#x, __FILE__, __LINE__))
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

enum { CANCELLED = 1, TIMED_OUT = 2 };
bool is_shielded(const struct actor *a);
unsigned verdict(const struct actor *a); /* what must end its waits */
unsigned may_end(const struct actor *a); /* what may */
void note_result(struct actor *a, intptr_t result, unsigned before);
void op_begins(struct op *op);
void op_ends(struct op *op, intptr_t result); /* of a call, or a future */
void op_withdrawn(struct op *op, intptr_t output);
bool op_enabled(const struct op *op);
unsigned count_waiters(enum kind kind, unsigned object);
void signal_model(unsigned cond, bool all);
void check_order(const struct op *op);
void for_each_flying(void (*visit)(struct op *op));
void cancel_members(struct actor *parent, enum kind kind);
void check_still(void);
void send_item(struct channel *c, long item);
void check_received(struct channel *c, long item);

/* Tasks. */
struct actor *actor_new(void);
struct actor *actor_live(unsigned number); /* one with a handle that nobody joins; or NULL */
unsigned actors_left(void);
intptr_t work(void *actor);
bool somebody_is_new(void); /* without a stack */
void spawn_fiber(bool detached);
void spawn_stackless(unsigned kind, unsigned argument);
void end_family(struct actor *self);
void wait_for_members(struct actor *self);
void spawn_member(struct actor *self);
void have_child(struct actor *self);
void forget_unstarted(void);
void tasks_check_end(void);

/* Operations. */
bool op_choose(struct op *op, struct actor *self, unsigned kind, unsigned argument);
void op_forget(struct op *op); /* chosen, and not begun; or ended */
intptr_t op_call(struct op *op);
void spy_init(struct spy *spy, const struct op *op);
void do_several(struct actor *self, unsigned argument, bool all);
void open_gate(unsigned number);

/* Programs. */
unsigned next_byte(void); /* 0 at the end, and then the world is over */
void perform(struct actor *self, unsigned code, unsigned argument);
void unlock(struct actor *self);
void let_go(struct actor *self); /* of its lock and its scopes */
void renew(unsigned object);

#endif
