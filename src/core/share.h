/*
 * Sharing new tasks between the executors of a runtime. What comes from outside waits for the first
 * that has nothing else to do (newcomers.h). What a task spawns waits for its own executor, and for
 * any that is idle (steal_queue.h): who runs dry takes from the others before it parks, and who
 * spawns kicks one that is parked.
 *
 * An executor that found only what its owner was about to take, or was kicked and came too late,
 * leaves the others in peace for a while, and is left in peace: twice as long each time,
 * QUIET_MAX_NS at most; then it looks again. So tasks that spawn and join small ones are hardly
 * bothered by an idle neighbour, and no task that was spawned by another waits longer than that,
 * and a wake-up, while an executor is idle.
 */
#ifndef CORE_SHARE_H
#define CORE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include <trale/task.h>

#define QUIET_MIN_NS 50000
#define QUIET_MAX_NS 1000000

struct executor;

/* Of one executor; zeroed at first. */
struct share {
    bool outside; /* what comes from outside has its turn */
    bool woken; /* it has not looked for anything since it was parked, and may have been kicked */
    bool kicked;   /* it was, and nothing else woke it */
    bool vain;     /* the others are to be left in peace */
    int64_t quiet; /* ns, for so long they were the last time */
};

/* Any thread, in no section: sends a new task that any executor of the runtime may start. */
void share_send(trale_runtime *rt, trale_task *task);

/* Executor: the next task that it is to start; NULL: there is none for it. In a section. */
trale_task *share_take(struct executor *ex);

/* Executor: is there something that it may start, and is not to be left in peace? */
bool share_has(const struct executor *ex);

/*
 * Executor with the mark on its inbox: between the two it may be kicked. quiet: how many
 * nanoseconds the others are to be left in peace, otherwise 0. slept: it did.
 */
int64_t share_begin_idle(struct executor *ex);
void share_end_idle(struct executor *ex, int64_t quiet, bool slept);

#endif
