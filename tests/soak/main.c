/* soak [SECONDS]: see soak.h. TRALE_SEED=n repeats the run that printed n. */
#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/lots.h"
#include "seed.h"
#include "soak.h"

enum { STILL = 30, WARM = 3, GROWTH = 1 << 20 };

/* Ends the process if the ledger says nothing new for so many seconds. */
static void *watch(void *unused)
{
    long before = -1;
    int still = 0;

    (void)unused;
    for (;;) {
        sleep(1);
        still = ledger_moves() == before ? still + 1 : 0;
        before = ledger_moves();
        if (still == STILL)
            soak_fail("nothing has moved for %d s", STILL);
    }
    return NULL;
}

static int count_fds(void)
{
    DIR *fds = opendir("/proc/self/fd");
    int count = 0;

    must(fds);
    while (readdir(fds))
        count++;
    closedir(fds);
    return count;
}

/* What is allocated, where the C library tells; with sanitizers it does not, and is always 0. */
static size_t count_memory(void)
{
#ifdef __GLIBC__
    return mallinfo2().uordblks;
#else
    return 0;
#endif
}

/* Rounds of a second; what one leaves behind, the next would add to. */
static int soak(int64_t end)
{
    int fds = count_fds(), rounds = 0;
    size_t memory = 0;

    while (trale_now() < end) {
        uint64_t seed = random_fork(soak_seed, (unsigned)++rounds);
        int64_t until = trale_now() + TRALE_SEC;

        if (rounds % 8 == 1)
            repeat_check(seed);
        lots_seed(seed);
        round_run(seed, until < end ? until : end);
        if (count_fds() != fds)
            soak_fail("round %d leaves %d descriptors, before there were %d", rounds, count_fds(),
                      fds);
        if (rounds == WARM)
            memory = count_memory();
        else if (rounds > WARM && count_memory() > memory + GROWTH)
            soak_fail("memory grows: %zu bytes after round %d, %zu after %d", count_memory(),
                      rounds, memory, WARM);
    }
    return rounds;
}

int main(int argc, char **argv)
{
    int64_t seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 10;
    pthread_t watcher;
    int rounds;

    soak_seed = test_seed();
    if (pthread_create(&watcher, NULL, watch, NULL) != 0)
        return EXIT_FAILURE;
    pthread_detach(watcher);
    rounds = soak(trale_now() + seconds * TRALE_SEC);
    ledger_print();
    printf("# %d rounds, %ld moves, every line of the ledger balances\n", rounds, ledger_moves());
    return EXIT_SUCCESS;
}
