/*
 * Work that takes a processor: chains of SHA-1, three for each executor, on one executor and on one
 * for each CPU. A chain that ran on one of them stays there; those that have not started go to
 * whoever has nothing to do.
 *
 *     heavy_load [ROUNDS]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sha1.h>

#include <trale.h>

static intptr_t chain(void *arg)
{
    uint8_t digest[SHA1_DIGEST_LENGTH] = {0};
    SHA1_CTX sha1;

    for (long rounds = *(long *)arg; rounds > 0; rounds--) {
        SHA1Init(&sha1);
        SHA1Update(&sha1, digest, sizeof digest);
        SHA1Final(digest, &sha1);
    }
    return digest[0];
}

/* Nanoseconds for a job, or -errno. */
static int64_t measure(unsigned executors, unsigned jobs, long rounds)
{
    trale_config config = {.executors = executors};
    trale_spawn_options options = {.name = "chain"};
    trale_task **tasks = calloc(jobs, sizeof *tasks);
    int64_t start;
    int error = tasks ? trale_runtime_new(&options.runtime, &config) : -ENOMEM;

    start = trale_now();
    for (unsigned i = 0; error == 0 && i < jobs; i++)
        error = trale_spawn_with(&tasks[i], &options, chain, &rounds);
    for (unsigned i = 0; i < jobs && tasks; i++)
        trale_join(tasks[i], NULL);
    start = trale_now() - start;
    if (options.runtime)
        trale_runtime_free(options.runtime, TRALE_NEVER);
    free(tasks);
    return error < 0 ? error : start / jobs;
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 500000;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t one, all;

    one = measure(1, 3 * (unsigned)cpus, rounds);
    all = measure(TRALE_EXECUTORS_PER_CPU, 3 * (unsigned)cpus, rounds);
    if (one < 0 || all < 0)
        return 1;
    printf("one executor: %.3f ms for a job\n", (double)one / TRALE_MS);
    printf("one for each CPU: %.3f ms for a job, %.2f times as fast\n", (double)all / TRALE_MS,
           (double)one / (double)all);
    return 0;
}
