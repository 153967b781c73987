/* Waiting for the tasks of a runtime, against spawns into it, cancels and its being freed. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <trale.h>

#include "seed.h"
#include "settle.h"

static trale_runtime *new_runtime(void)
{
    trale_runtime *runtime = NULL;
    ck_assert_int_eq(trale_runtime_new(&runtime, NULL), 0);
    return runtime;
}

/* A task that waits a few times and ends. What it writes is plain: the wait carries it over. */
struct brief {
    int yields;
    bool ended;
};

struct brief_future {
    trale_future future;
    struct brief *brief;
};

static enum trale_poll brief_poll(trale_future *self, trale_context *cx)
{
    struct brief *b = ((struct brief_future *)self)->brief;
    if (b->yields-- > 0) {
        trale_waker_wake(trale_context_waker(cx));
        return TRALE_PENDING;
    }
    b->ended = true;
    return TRALE_READY;
}

static intptr_t run_brief(void *arg)
{
    struct brief *b = arg;
    while (b->yields-- > 0)
        trale_yield();
    b->ended = true;
    return 0;
}

/* Detached; a fiber or a stackless task. */
static bool spawn_brief(trale_runtime *runtime, struct brief *b, bool stackless)
{
    static const struct trale_future_ops ops = {brief_poll, NULL, "brief"};
    trale_spawn_options options = {.runtime = runtime};
    struct brief_future f = {{&ops, 0}, b};
    return (stackless ? trale_spawn_future_with(NULL, &options, &f.future, sizeof f)
                      : trale_spawn_with(NULL, &options, run_brief, b)) == 0;
}

struct spawner {
    pthread_t thread;
    trale_runtime *runtime;
    uint64_t random;
    long rounds, errors, early;
};

static void *spawn_and_wait(void *arg)
{
    struct spawner *s = arg;
    for (long i = 0; i < s->rounds; i++) {
        struct brief b = {.yields = (int)random_below(&s->random, 3)};
        if (!spawn_brief(s->runtime, &b, random_below(&s->random, 2) == 0) ||
            trale_runtime_wait(s->runtime) != 0) {
            s->errors++;
            break; /* it may still use b: the test fails before this thread's stack goes */
        }
        s->early += !b.ended;
    }
    return NULL;
}

START_TEST(a_wait_does_not_end_before_what_was_spawned_before_it)
{
    struct spawner spawners[2];
    uint64_t seed = test_seed();
    trale_runtime *runtime = new_runtime();
    for (unsigned i = 0; i < 2; i++) {
        spawners[i] = (struct spawner){
            .runtime = runtime, .random = random_fork(seed, i), .rounds = test_scale(20000)};
        ck_assert_int_eq(pthread_create(&spawners[i].thread, NULL, spawn_and_wait, &spawners[i]),
                         0);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(spawners[i].thread, NULL);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(spawners[i].errors, 0);
        ck_assert_int_eq(spawners[i].early, 0);
    }
    ck_assert_int_eq(trale_runtime_free(runtime, TRALE_NEVER), 0);
}
END_TEST

/* The other side of a race: cancels the task a while after both have come to the start. */
struct canceller {
    pthread_barrier_t start, stop;
    trale_task *task; /* NULL: the end */
    uint64_t random;
    uint32_t longest;
};

/* Passes a random while. */
static void dawdle(uint64_t *random, uint32_t longest)
{
    for (volatile uint32_t left = random_below(random, longest); left > 0;)
        left = left - 1;
}

static void *cancel_in_time(void *arg)
{
    struct canceller *c = arg;
    for (;;) {
        pthread_barrier_wait(&c->start);
        if (!c->task)
            return NULL;
        dawdle(&c->random, c->longest);
        trale_cancel(c->task);
        pthread_barrier_wait(&c->stop);
    }
}

static intptr_t wait_in_fiber(void *runtime)
{
    return trale_runtime_wait(runtime);
}

static trale_task *spawn_waiter(trale_runtime *awaited, bool stackless)
{
    trale_runtime_wait_future f;
    trale_task *task = NULL;
    trale_runtime_wait_init(&f, awaited);
    if (stackless)
        ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    else
        ck_assert_int_eq(trale_spawn(&task, wait_in_fiber, awaited), 0);
    return task;
}

/* The runtime may be gone before the waiter, which was there before, has looked again. */
static void race(struct canceller *c, uint64_t *random)
{
    struct brief briefs[3];
    trale_runtime *awaited = new_runtime();
    uint32_t count = random_below(random, 4);
    for (uint32_t i = 0; i < count; i++) {
        briefs[i] = (struct brief){.yields = (int)random_below(random, 100)};
        ck_assert(spawn_brief(awaited, &briefs[i], random_below(random, 2) == 0));
    }
    trale_task *waiter = spawn_waiter(awaited, random_below(random, 2) == 0);
    settle();
    c->task = waiter;
    pthread_barrier_wait(&c->start);
    dawdle(random, c->longest);
    ck_assert_int_eq(trale_runtime_free(awaited, TRALE_NEVER), 0);
    pthread_barrier_wait(&c->stop);
    intptr_t result = join(waiter);
    ck_assert(result == 0 || result == -ECANCELED);
}

START_TEST(a_wait_is_cancelled_while_its_runtime_ends)
{
    struct canceller c = {.longest = 3000};
    uint64_t seed = test_seed(), random = random_fork(seed, 0);
    pthread_t thread;
    c.random = random_fork(seed, 1);
    pthread_barrier_init(&c.start, NULL, 2);
    pthread_barrier_init(&c.stop, NULL, 2);
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_in_time, &c), 0);
    for (long i = 0; i < test_scale(2000); i++)
        race(&c, &random);
    c.task = NULL;
    pthread_barrier_wait(&c.start);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&c.start);
    pthread_barrier_destroy(&c.stop);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "runtime_wait_stress",
               a_wait_does_not_end_before_what_was_spawned_before_it,
               a_wait_is_cancelled_while_its_runtime_ends)
