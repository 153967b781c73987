/* src/core/share.c as it is, on top of the library in miniature. */
#include "library.hpp"

/* In place of the headers that it includes. */
#define BASE_SPIN_H
#define CORE_RUNTIME_H

#define STEAL_MOST 2
#define PATIENCE 1
#define trale_task task
#define trale_runtime runtime
#define spin_relax() ((void)0) /* looking again changes nothing that being scheduled does not */
#define counter_add(counter, n) ((void)(n))
#define section_begin(freeze) ((void)0) /* freeze.cpp has them */
#define section_end(freeze) ((void)0)
#define for_each_executor(ex, rt) \
    for (unsigned number = STEP_TAKEN ? 0 : (rt)->count; number < (rt)->count; number++) \
        if (executor *ex = &(rt)->executors[number])

namespace model
{

static executor *executor_current()
{
    return this_executor[rl::thread_index()];
}

#include "core/share.c"

} // namespace model
