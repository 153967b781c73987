/*
 * Several runtimes in one process: a ring of them, each with a task that hands a number on to the
 * next by a channel, until it has gone round often enough.
 */
#include <stdio.h>

#include <trale.h>

enum { RUNTIMES = 8, ROUNDS = 1000 };

struct station {
    trale_channel *from, *to;
};

static intptr_t hand_on(void *arg)
{
    struct station *s = arg;
    long number;

    while (trale_channel_recv(s->from, &number) == 0) {
        number++;
        if (number == RUNTIMES * ROUNDS || trale_channel_send(s->to, &number) != 0)
            break;
    }
    trale_channel_close(s->to);
    return 0;
}

int main(void)
{
    trale_spawn_options options[RUNTIMES] = {0};
    struct station stations[RUNTIMES];
    trale_channel *channels[RUNTIMES];
    trale_task *tasks[RUNTIMES];
    int64_t start = trale_now();
    long number = 0;

    for (int i = 0; i < RUNTIMES; i++)
        if (trale_channel_new(&channels[i], sizeof number, 1) != 0 ||
            trale_runtime_new(&options[i].runtime, NULL) != 0)
            return 1;
    for (int i = 0; i < RUNTIMES; i++) {
        stations[i] = (struct station){channels[i], channels[(i + 1) % RUNTIMES]};
        if (trale_spawn_with(&tasks[i], &options[i], hand_on, &stations[i]) != 0)
            return 1;
    }
    trale_channel_send(channels[0], &number);
    for (int i = 0; i < RUNTIMES; i++) {
        trale_join(tasks[i], NULL);
        trale_runtime_free(options[i].runtime, TRALE_NEVER);
    }
    for (int i = 0; i < RUNTIMES; i++)
        trale_channel_free(channels[i]);
    printf("%d times round %d runtimes in %.3f ms\n", ROUNDS, RUNTIMES,
           (double)(trale_now() - start) / TRALE_MS);
    return 0;
}
