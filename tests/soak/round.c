/* One round: everything is made, everybody acts, everything has ended. */
#include <pthread.h>

#include "seed.h"
#include "soak.h"

enum { TASKS = 5, THREADS_COUNT = 4 };

static struct boss bosses[TASKS + THREADS_COUNT];

static void *be_boss_on_thread(void *boss)
{
    be_boss(boss);
    return NULL;
}

/* An executor that is its own reactor. */
static void *be_boss_inline(void *arg)
{
    struct boss *boss = arg;
    intptr_t result = -1;

    boss->batches = 20; /* then there is another */
    while (!atomic_load(&round_over)) {
        must(trale_run(be_boss, boss, &result) == 0 && result == 0);
        left(RUNTIMES, 1);
        right(RUNTIMES, 1);
    }
    return NULL;
}

static void *build_runtimes(void *arg)
{
    struct boss *boss = arg;

    while (!atomic_load(&round_over))
        have_runtime(&boss->actor);
    return NULL;
}

static void begin_threads(pthread_t *threads)
{
    static void *(*const roles[THREADS_COUNT])(void *) = {be_boss_on_thread, be_boss_on_thread,
                                                          be_boss_inline, build_runtimes};

    for (int i = 0; i < THREADS_COUNT; i++) {
        must(pthread_create(&threads[i], NULL, roles[i], &bosses[TASKS + i]) == 0);
        left(THREADS, 1);
    }
}

static void begin_tasks(trale_task **tasks)
{
    for (int i = 0; i < TASKS; i++) {
        trale_spawn_options options = {.runtime = i < 4 ? arena.runtimes[i / 2] : NULL,
                                       .name = "boss"};

        must(trale_spawn_with(&tasks[i], &options, be_boss, &bosses[i]) == 0);
    }
}

void round_run(uint64_t seed, int64_t until)
{
    pthread_t threads[THREADS_COUNT];
    trale_task *tasks[TASKS];

    atomic_store(&round_over, false);
    arena_open(seed, false);
    for (unsigned i = 0; i < TASKS + THREADS_COUNT; i++)
        bosses[i] = (struct boss){.actor = {.random = random_fork(seed, i)}};
    begin_tasks(tasks);
    begin_threads(threads);
    trale_sleep_until(until);
    atomic_store(&round_over, true);
    for (int i = 0; i < TASKS; i++)
        must(join_always(tasks[i]) == 0);
    for (int i = 0; i < THREADS_COUNT; i++) {
        must(pthread_join(threads[i], NULL) == 0);
        right(THREADS, 1);
    }
    arena_settle();
    arena_close(false);
    ledger_settle("after a round");
}
