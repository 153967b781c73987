/* A pthread key that is made when it is first needed. */
#ifndef TASK_THREAD_KEY_H
#define TASK_THREAD_KEY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* The key + 1; 0: none yet. */
typedef _Atomic(unsigned) thread_key;

/* Of two threads that make it at once, one wins. Not pthread_once: it would fail for ever. */
static inline bool thread_key_get(thread_key *made, void (*destructor)(void *),
                                  pthread_key_t *key)
{
    unsigned old = atomic_load(made);

    if (old == 0) {
        if (pthread_key_create(key, destructor) != 0)
            return false;
        if (atomic_compare_exchange_strong(made, &old, *key + 1))
            return true;
        pthread_key_delete(*key);
    }
    *key = old - 1;
    return true;
}

#endif
