#include "task/local.h"

#include <errno.h>
#include <stdlib.h>

#include "task/task.h"
#include "task/thread.h"
#include "task/thread_key.h"

#define ROUNDS 4 /* as many as pthreads make (limits.h) */

struct local {
    const trale_local *local;
    void *value;
};

struct locals {
    unsigned count, room;
    struct local each[];
};

static thread_key key;

static struct locals **current(void)
{
    return this_thread.task ? &this_thread.task->locals : &this_thread.locals;
}

static struct local *find(struct locals *locals, const trale_local *local)
{
    for (unsigned i = 0; locals && i < locals->count; i++)
        if (locals->each[i].local == local)
            return &locals->each[i];
    return NULL;
}

void *trale_local_get(const trale_local *local)
{
    const struct local *l = find(*current(), local);

    return l ? l->value : NULL;
}

static void thread_ends(void *slot)
{
    locals_end(slot);
}

/* A plain thread's values end with it. */
static bool watch_thread(struct locals **slot)
{
    pthread_key_t made;

    return thread_key_get(&key, thread_ends, &made) && pthread_setspecific(made, slot) == 0;
}

static struct local *add(struct locals **slot, const trale_local *local)
{
    struct locals *locals = *slot;
    unsigned count = locals ? locals->count : 0;

    if (!locals && slot == &this_thread.locals && !watch_thread(slot))
        return NULL;
    if (!locals || count == locals->room) {
        unsigned room = count > 0 ? 2 * count : 4;

        locals = realloc(locals, sizeof *locals + room * sizeof(struct local));
        if (!locals)
            return NULL;
        *slot = locals;
        locals->room = room;
    }
    locals->each[count] = (struct local){.local = local};
    locals->count = count + 1;
    return &locals->each[count];
}

int trale_local_set(const trale_local *local, void *value)
{
    struct locals **slot = current();
    struct local *l = find(*slot, local);

    if (!local)
        return -EINVAL;
    if (!l && !value)
        return 0;
    if (!l)
        l = add(slot, local);
    if (!l)
        return -ENOMEM;
    l->value = value;
    return 0;
}

/* Any may set others, and so move all of them. True: there were some to destroy. */
static bool destroy_round(struct locals **slot)
{
    bool any = false;

    for (unsigned i = 0; i < (*slot)->count; i++) {
        struct local *l = &(*slot)->each[i];
        void *value = l->value;

        l->value = NULL;
        if (!value || !l->local->destructor)
            continue;
        l->local->destructor(value);
        any = true;
    }
    return any;
}

void locals_end(struct locals **slot)
{
    if (!*slot)
        return;
    for (int round = 0; round < ROUNDS && destroy_round(slot); round++)
        ;
    free(*slot);
    *slot = NULL;
}
