/* Task locals, for who ends a task. */
#ifndef TASK_LOCAL_H
#define TASK_LOCAL_H

#include <trale/local.h>

struct locals;

/* The task, or thread, has ended: runs the destructors, and frees all. While it still is the
 * current one. */
void locals_end(struct locals **slot);

#endif
