/* For operations that another party completes, when they are arms of a select. */
#ifndef TASK_SELECT_H
#define TASK_SELECT_H

#include <trale/select.h>

/* May the arm at that place of that select be completed now? Then the other arms never will be.
 * No select: yes. Any thread; the select must not go away meanwhile. */
bool select_claim(trale_select_future *select, size_t place);

#endif
