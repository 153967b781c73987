/* Starting tasks in two steps, for who has to know a task before it runs. */
#ifndef CORE_SPAWN_H
#define CORE_SPAWN_H

#include "task/fiber.h"

/* Where the public call that is running was made; NULL: unknown. Once, before it can fail. */
const char *spawn_site(void);

/* Makes a fiber of the caller's runtime and lets it in; it has to be sent with runtime_send.
 * The stack size and the name are filled in. 0 or -errno, as trale_spawn. */
int spawn_prepare(trale_task **new, const trale_spawn_options *options,
                  struct fiber_options *fiber);

/* It is not sent after all; without a handle. */
void spawn_abandon(trale_task *new);

#endif
