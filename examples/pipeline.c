/*
 * Three stages with channels between them: one counts, one squares, one adds up. A stage that is
 * ahead waits until there is room, one that is behind until there is something; who has nothing
 * more to send closes. Prints:
 *     the squares of 1 to 1000 add up to 333833500
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <trale.h>

static trale_channel *numbers, *squares;

static intptr_t count(void *arg)
{
    (void)arg;
    for (long n = 1; n <= 1000; n++) {
        int error = trale_channel_send(numbers, &n);
        if (error != 0)
            return error; /* it cancels the other stages */
    }
    return trale_channel_close(numbers);
}

static intptr_t square(void *arg)
{
    long n;
    int error;

    (void)arg;
    while ((error = trale_channel_recv(numbers, &n)) == 0) {
        n *= n;
        error = trale_channel_send(squares, &n);
        if (error != 0)
            return error;
    }
    return error == -EPIPE ? trale_channel_close(squares) : error; /* -EPIPE: that was all */
}

static intptr_t add_up(void *sum)
{
    long n;
    int error;

    while ((error = trale_channel_recv(squares, &n)) == 0)
        *(long *)sum += n;
    return error == -EPIPE ? 0 : error;
}

static int run(long *sum)
{
    TRALE_GROUP(stages);
    int error = trale_group_spawn(&stages, count, NULL);

    if (error == 0)
        error = trale_group_spawn(&stages, square, NULL);
    if (error == 0)
        error = trale_group_spawn(&stages, add_up, sum);
    if (error != 0)
        trale_group_cancel(&stages);
    int first = trale_group_wait(&stages);
    return error != 0 ? error : first;
}

int main(void)
{
    long sum = 0;
    int error = trale_channel_new(&numbers, sizeof(long), 16);

    if (error == 0)
        error = trale_channel_new(&squares, sizeof(long), 16);
    if (error == 0)
        error = run(&sum);
    if (error == 0)
        printf("the squares of 1 to 1000 add up to %ld\n", sum);
    else
        fprintf(stderr, "pipeline: %s\n", strerror(-error));
    trale_channel_free(numbers);
    trale_channel_free(squares);
    return error != 0;
}
