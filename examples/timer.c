/*
 * Two tasks that sleep side by side on one thread. Prints, after two seconds,
 *     Hello A!
 *     Hello a!
 * and after the third and the fourth second the same with B and b, with C and c.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trale.h>

static intptr_t hello_upper(void *arg)
{
    (void)arg;
    trale_sleep(2 * TRALE_SEC);
    puts("Hello A!");
    trale_sleep(1 * TRALE_SEC);
    puts("Hello B!");
    trale_sleep(1 * TRALE_SEC);
    puts("Hello C!");
    return 1;
}

static intptr_t hello_lower(void *arg)
{
    (void)arg;
    trale_sleep(2 * TRALE_SEC);
    puts("Hello a!");
    trale_sleep(1 * TRALE_SEC);
    puts("Hello b!");
    trale_sleep(1 * TRALE_SEC);
    puts("Hello c!");
    return 2;
}

static trale_task *spawn(trale_fn *fn)
{
    trale_task *task;
    int error = trale_spawn(&task, fn, NULL);
    if (error < 0) {
        fprintf(stderr, "cannot spawn a task: %s\n", strerror(-error));
        exit(EXIT_FAILURE);
    }
    return task;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0); /* each line at once, into a pipe too */
    trale_task *task1 = spawn(hello_upper);
    trale_task *task2 = spawn(hello_lower);
    intptr_t one, two;
    trale_join(task1, &one);
    trale_join(task2, &two);
    assert(one == 1 && two == 2);
    return EXIT_SUCCESS;
}
