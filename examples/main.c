/* trale_main in place of main: one thread, which is executor and reactor. */
#include <stdio.h>

#include <trale/main.h>

static intptr_t count(void *arg)
{
    for (int i = 1; i <= 3; i++) {
        trale_sleep(100 * TRALE_MS);
        printf("%s: %d\n", (const char *)arg, i);
    }
    return 0;
}

int trale_main(int argc, char **argv)
{
    trale_group group = {0};

    (void)argc, (void)argv;
    trale_group_spawn(&group, count, "one");
    trale_group_spawn(&group, count, "two");
    return trale_group_wait(&group);
}
