/* src/core/share.c as it is, on top of the library in miniature; and the runtime there. */
#include "library.hpp"

/* In place of the headers that it includes. */
#define BASE_SPIN_H
#define CORE_RUNTIME_H

#define STEAL_MOST 2
#define PATIENCE 1
#define trale_task task
#define trale_runtime runtime
#define section_begin(freeze) ((void)0) /* freeze.cpp has them */
#define section_end(freeze) ((void)0)
#define spin_relax() ((void)0) /* looking again changes nothing that being scheduled does not */
#define counter_add(counter, n) ((void)(n))
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

runtime::runtime(std::initializer_list<executor *> all) : count(0)
{
    newcomers_init(&newcomers);
    atomic_init(&newcomers.count, (size_t)0);
    atomic_init(&parked, 0u);
    atomic_init(&thieves, 0u);
    for (executor *ex : all) {
        clear(ex->spawned);
        ex->runtime = this;
        ex->number = count;
        executors.first[count++] = ex;
    }
}

void runtime::stop()
{
    for (unsigned i = 0; i < count; i++)
        executors[i].stop();
}

/* An executor that runs asks: no more than the others are counted as idle. */
bool runtime::is_counted() const
{
    return parked.cell.debug_value() < count && thieves.cell.debug_value() < count;
}

/* Of runtime_destroy, as far as others may yet come by. */
void runtime::destroy()
{
    newcomers_destroy(&newcomers);
    newcomers.count.freed = parked.freed = thieves.freed = true;
    for (unsigned i = 0; i < count; i++)
        executors[i].queue.inbox.head.freed = true;
}

/* runtime_enter: its home is any */
task *prepare(block<task> &b, runtime &rt, poll_function *poll, void *scenario, int references)
{
    return b.make(&b, &rt.executors[0], poll, scenario,
                  STATE_QUEUED | references * STATE_REFERENCE);
}

} // namespace model
