/* Five hundred and twelve tasks that sleep for no time, on all executors: who comes in first? */
#include <stdatomic.h>
#include <stdio.h>

#include <trale.h>

enum { RACERS = 512 };

static atomic_int places;

static intptr_t race(void *arg)
{
    (void)arg;
    trale_sleep(0);
    return atomic_fetch_add(&places, 1);
}

int main(void)
{
    trale_config config = {.executors = TRALE_EXECUTORS_PER_CPU};
    trale_spawn_options options = {.name = "racer"};
    trale_task *racers[RACERS];
    intptr_t place;
    int64_t start;
    int overtaken = 0;

    if (trale_runtime_new(&options.runtime, &config) != 0)
        return 1;
    start = trale_now();
    for (int i = 0; i < RACERS; i++)
        if (trale_spawn_with(&racers[i], &options, race, NULL) != 0)
            return 1;
    for (int i = 0; i < RACERS; i++) {
        trale_join(racers[i], &place);
        overtaken += place > i;
    }
    printf("%d racers in %.3f ms, %d of them overtaken\n", RACERS,
           (double)(trale_now() - start) / TRALE_MS, overtaken);
    return trale_runtime_free(options.runtime, TRALE_NEVER) != 0;
}
