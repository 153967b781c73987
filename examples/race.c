/*
 * Several things at once. First a race: three mirrors are asked, the first answer counts, and the
 * others are cancelled; nobody waits for longer than the time-out. Then all of them are asked, and
 * all are waited for. Prints:
 *     Bern was first, with 200 bytes
 *     nobody answered within 5 ms
 *     all together: 600 bytes
 */
#include <stdio.h>
#include <trale.h>

enum { MIRRORS = 3 };

static struct mirror {
    const char *name;
    int64_t delay;
    int size;
} mirrors[MIRRORS] = {
    {"Oslo", 300 * TRALE_MS, 100},
    {"Bern", 50 * TRALE_MS, 200},
    {"Lima", 500 * TRALE_MS, 300},
};

/* Stands for something that takes a while. A mirror that lost the race leaves here. */
static intptr_t ask(void *arg)
{
    const struct mirror *mirror = arg;
    int error = trale_sleep(mirror->delay);

    return error == 0 ? mirror->size : error;
}

static void race(int64_t patience)
{
    trale_block_on_future asked[MIRRORS];
    trale_sleep_future timeout;
    trale_future *arms[MIRRORS + 1];
    intptr_t size[MIRRORS] = {0};
    int first;

    for (int i = 0; i < MIRRORS; i++) {
        trale_block_on_init(&asked[i], ask, &mirrors[i], &size[i]);
        arms[i] = &asked[i].future;
    }
    trale_sleep_init(&timeout, patience);
    arms[MIRRORS] = &timeout.future;
    first = trale_select(arms, MIRRORS + 1);
    if (first == MIRRORS)
        printf("nobody answered within %ld ms\n", (long)(patience / TRALE_MS));
    else if (first >= 0 && asked[first].future.output == 0)
        printf("%s was first, with %ld bytes\n", mirrors[first].name, (long)size[first]);
}

static void ask_all(void)
{
    trale_block_on_future asked[MIRRORS];
    intptr_t size[MIRRORS] = {0};

    for (int i = 0; i < MIRRORS; i++)
        trale_block_on_init(&asked[i], ask, &mirrors[i], &size[i]);
    if (TRALE_JOIN_ALL(&asked[0].future, &asked[1].future, &asked[2].future) == 0)
        printf("all together: %ld bytes\n", (long)(size[0] + size[1] + size[2]));
}

int main(void)
{
    race(10 * TRALE_SEC);
    race(5 * TRALE_MS);
    ask_all();
    return 0;
}
