/* What the fibers of a thread share, and what belongs to each: thread-locals, and longjmp. */
#include "suite.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <trale.h>

#include "settle.h"

/* Of one executor, for what they do depends on each other's turns. */
static const trale_spawn_options same = {.executor = 1};

static _Thread_local int local;

struct turn {
    int mine, seen_errno, seen_local;
};

/* noinline: the addresses of errno and of thread-locals may be kept within a function. */
static __attribute__((noinline)) void set(int value)
{
    errno = value;
    local = value;
}

static __attribute__((noinline)) void look(struct turn *t)
{
    t->seen_errno = errno;
    t->seen_local = local;
}

static intptr_t set_yield_look(void *arg)
{
    struct turn *t = arg;
    set(t->mine);
    int error = trale_yield();
    look(t);
    return error;
}

/* The trap: what one fiber sets, and still needs after a wait, another one has set meanwhile. */
START_TEST(errno_and_thread_locals_are_shared_by_the_fibers_of_an_executor)
{
    struct hold h = HOLD;
    struct turn a = {.mine = EDOM}, b = {.mine = ERANGE};
    trale_task *one, *two;
    set(ENOTTY);
    hold_executor(&h);
    ck_assert_int_eq(trale_spawn_with(&one, &same, set_yield_look, &a), 0);
    ck_assert_int_eq(trale_spawn_with(&two, &same, set_yield_look, &b), 0);
    release_executor(&h);
    ck_assert_int_eq(join(one), 0);
    ck_assert_int_eq(join(two), 0);
    ck_assert_int_eq(a.seen_errno, ERANGE);
    ck_assert_int_eq(a.seen_local, ERANGE);
    ck_assert_int_eq(b.seen_errno, ERANGE);
    ck_assert_int_eq(b.seen_local, ERANGE);
    ck_assert_int_eq(local, ENOTTY); /* a plain thread has its own */
}
END_TEST

struct jumper {
    sigjmp_buf place;
    int turns, depth;
    bool with_mask;
};

/* Switches on the way down, so that others jump meanwhile, and comes back with one jump. */
static __attribute__((noinline)) int dive(struct jumper *j, int depth)
{
    volatile char frame[64] = {(char)depth};
    if (trale_yield() != 0)
        return -1;
    if (depth == 0)
        siglongjmp(j->place, ++j->turns);
    return dive(j, depth - 1) + frame[0];
}

static intptr_t jump(void *arg)
{
    struct jumper *j = arg;
    volatile int expected = 0;
    int turn = sigsetjmp(j->place, j->with_mask);
    if (turn != expected)
        return -1;
    expected++;
    return turn < 20 ? dive(j, j->depth) : turn;
}

START_TEST(a_jump_within_a_fiber_works)
{
    enum { COUNT = 16 };
    static struct jumper jumpers[COUNT];
    trale_task *tasks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        jumpers[i].depth = i;
        jumpers[i].with_mask = i % 2;
        ck_assert_int_eq(trale_spawn(&tasks[i], jump, &jumpers[i]), 0);
    }
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(join(tasks[i]), 20);
}
END_TEST

static intptr_t jump_and_look(void *arg)
{
    jmp_buf place;
    sigset_t before, after;
    volatile int jumps = 0;
    (void)arg;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    setjmp(place);
    if (jumps++ < 3)
        longjmp(place, 1);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&before, number) != sigismember(&after, number))
            return -number;
    return trale_sleep(0) == 0 ? jumps : -1;
}

START_TEST(a_jump_leaves_the_signals_of_the_thread_as_they_are)
{
    intptr_t result = 0;
    ck_assert_int_eq(trale_block_on(jump_and_look, NULL, &result), 0);
    ck_assert_int_eq(result, 4);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "fiber_shared",
               ON_THREAD(errno_and_thread_locals_are_shared_by_the_fibers_of_an_executor,
                         "another thread is to have its own"),
               a_jump_within_a_fiber_works, a_jump_leaves_the_signals_of_the_thread_as_they_are)
