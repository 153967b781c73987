/* What is to be known of tasks, and what they keep for themselves. */
#include "scenarios.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "steps.h"

static intptr_t sleep_long(void *arg)
{
    (void)arg;
    return trale_sleep(3600 * TRALE_SEC);
}

/* It says that there is no memory, or no barrier, or what it is to say. */
static void dump(void)
{
    static char text[4096];
    FILE *out = fmemopen(text, sizeof text, "w");

    EXPECT(out);
    fault_may_hide(true);
    trale_dump(out);
    fault_may_hide(false);
    fclose(out);
    EXPECT(strstr(text, fault_has_struck() ? "trale: " : ", 3 tasks\n"));
}

void dumping(void)
{
    trale_task *tasks[3] = {0};

    for (int i = 0; i < 3; i++)
        CALL(trale_spawn(&tasks[i], sleep_long, NULL), !tasks[i]);
    dump();
    for (int i = 0; i < 3; i++) {
        EXPECT(trale_cancel(tasks[i]) == 0);
        join_for(tasks[i], -ECANCELED);
    }
}

static atomic_int destroyed;

static void count(void *value)
{
    (void)value;
    atomic_fetch_add(&destroyed, 1);
}

static const trale_local plain_local, counted_local = {count};

static intptr_t keep(void *arg)
{
    CALL(trale_local_set(&counted_local, arg), !trale_local_get(&counted_local));
    CALL(trale_local_set(&plain_local, &destroyed), !trale_local_get(&plain_local));
    EXPECT(trale_local_get(&counted_local) == arg);
    EXPECT(trale_local_get(&plain_local) == &destroyed);
    return 1;
}

/* The thread's own go when it ends, after the scenario. */
void locals(void)
{
    int before = atomic_load(&destroyed), value;

    both_ways(keep, &value, 1);
    EXPECT(atomic_load(&destroyed) == before + 1);
}

void publishing(void)
{
    trale_broadcast *broadcast = NULL;
    trale_watch *watch = NULL;
    uint64_t cursor, seen = 0;
    char item = 0;

    CALL(trale_broadcast_new(&broadcast, 1, 4), !broadcast);
    EXPECT(trale_broadcast_subscribe(broadcast, &cursor) == 0);
    EXPECT(trale_broadcast_send(broadcast, "x") == 0);
    CALL(trale_broadcast_recv(broadcast, &cursor, &item), item == 0);
    EXPECT(item == 'x');
    trale_broadcast_free(broadcast);
    CALL(trale_watch_new(&watch, 1), !watch);
    EXPECT(trale_watch_set(watch, "y") == 0);
    CALL(trale_watch_wait(watch, &seen, &item), item == 'x');
    EXPECT(item == 'y');
    trale_watch_free(watch);
}
