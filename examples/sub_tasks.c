/*
 * A task that spawns another and joins its result. The join suspends the task, not the thread: a
 * third task counts meanwhile. Prints:
 *     count 1
 *     count 2
 *     count 3
 *     the sub-task's result is 24
 */
#include <stdio.h>
#include <trale.h>

static intptr_t factorial_of_4(void *arg)
{
    intptr_t product = 1;

    (void)arg;
    for (intptr_t i = 1; i <= 4; i++) {
        product *= i;
        trale_sleep(100 * TRALE_MS);
    }
    return product;
}

static intptr_t parent(void *arg)
{
    trale_task *child;
    intptr_t result;
    int error = trale_spawn(&child, factorial_of_4, arg);

    if (error != 0)
        return error;
    error = trale_join(child, &result);
    return error == 0 ? result : error;
}

static intptr_t count(void *arg)
{
    (void)arg;
    for (int i = 1; i <= 3; i++) {
        trale_sleep(100 * TRALE_MS);
        printf("count %d\n", i);
    }
    return 0;
}

int main(void)
{
    trale_task *task, *counter;
    intptr_t result;

    if (trale_spawn(&task, parent, NULL) != 0 || trale_spawn(&counter, count, NULL) != 0)
        return 1;
    trale_join(counter, NULL);
    trale_join(task, &result);
    printf("the sub-task's result is %ld\n", (long)result);
    return result != 24;
}
