/* For those who come with a mutex in hand. */
#ifndef SYNC_MUTEX_H
#define SYNC_MUTEX_H

#include <trale/sync.h>

/* Does the calling task or thread have it? */
bool mutex_is_mine(const trale_mutex *mutex);

#endif
