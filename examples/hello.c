/*
 * The first program: two tasks, spawned and joined as threads would be. Both sleep at once, so it
 * prints, after a tenth of a second, not two:
 *     3 + 7 = 10
 */
#include <stdio.h>
#include <trale.h>

static intptr_t add_slowly(void *arg)
{
    intptr_t *terms = arg;

    trale_sleep(100 * TRALE_MS); /* suspends this task; the thread goes on with others */
    return terms[0] + terms[1];
}

int main(void)
{
    intptr_t one[] = {1, 2}, two[] = {3, 4}, left, right;
    trale_task *a, *b;

    if (trale_spawn(&a, add_slowly, one) != 0 || trale_spawn(&b, add_slowly, two) != 0)
        return 1;
    trale_join(a, &left);
    trale_join(b, &right);
    printf("%ld + %ld = %ld\n", (long)left, (long)right, (long)(left + right));
    return 0;
}
