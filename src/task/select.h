/* For operations that another party completes, when they are arms of a select. */
#ifndef TASK_SELECT_H
#define TASK_SELECT_H

#include <stdbool.h>

#include <trale/select.h>

/*
 * May the arm at that place of that select be completed now? Then the other arms never will be.
 * select NULL: it is no arm. Any thread; the select must not go away meanwhile. cx: the poll that
 * the caller is in, and will wait if it is refused: the arm is polled after that, unless it cannot
 * take effect any more, or not together with what the caller polls. NULL: the caller does not wait.
 */
bool select_claim_arm(trale_select_future *select, size_t place, const trale_context *cx);

static inline bool select_claim(trale_select_future *select, size_t place,
                                const trale_context *cx)
{
    return !select || select_claim_arm(select, place, cx);
}

#endif
