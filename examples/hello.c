/*
 * Two tasks, spawned and joined as threads would be. Prints, after half a second:
 *     3 + 4 = 7
 */
#include <stdio.h>
#include <trale.h>

static intptr_t work(void *arg)
{
    trale_sleep(500 * TRALE_MS); /* the other task runs meanwhile */
    return *(int *)arg;
}

int main(void)
{
    static int three = 3, four = 4;
    trale_task *task1, *task2;
    intptr_t first, second;
    if (trale_spawn(&task1, work, &three) < 0 || trale_spawn(&task2, work, &four) < 0) {
        fputs("cannot spawn a task\n", stderr);
        return 1;
    }
    trale_join(task1, &first);
    trale_join(task2, &second);
    printf("%d + %d = %d\n", three, four, (int)(first + second));
    return 0;
}
