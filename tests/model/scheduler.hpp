/*
 * Explores every interleaving, up to the order of steps that commute: Relacy's search tree with
 * sleep sets (Godefroid). A step is one atomic operation with all that follows it up to the next
 * one. Two steps commute if they are on different objects, or both only read. Plain data between
 * threads is rl::var, whose races Relacy finds by happens-before, in whatever order they run.
 *
 * When all that is left to try has been tried in another order, the run is ended without branching.
 *
 * Where that is too much, every interleaving with at most so many preemptions: switches away from a
 * thread that could go on. Then without sleep sets, which do not go together with such a bound.
 */
#ifndef MODEL_SCHEDULER_HPP
#define MODEL_SCHEDULER_HPP

#include "sites.hpp"

namespace model
{

extern unsigned long redundant_runs;

extern unsigned preemption_bound; /* 0: none */

template <rl::thread_id_t count>
class scheduler
    : public rl::tree_search_scheduler<scheduler<count>,
                                       rl::tree_search_scheduler_thread_info<count>, count>
{
    using base =
        rl::tree_search_scheduler<scheduler, rl::tree_search_scheduler_thread_info<count>, count>;

    unsigned sleeping = 0; /* threads whose next step was tried before, by bits */
    bool redundant = false;
    rl::thread_id_t previous = 0; /* that was chosen among several */
    unsigned preemptions = 0;

    rl::thread_id_t choose_bounded()
    {
        rl::thread_id_t chosen;
        bool goes_on = false;

        for (int k = 0; k < this->running_threads_count; k++)
            goes_on |= this->running_threads[k] == previous;
        if (goes_on && preemptions == preemption_bound)
            return previous;
        chosen = this->running_threads[this->running_threads_count == 1
                                           ? 0
                                           : rand_impl(this->running_threads_count,
                                                       rl::sched_type_sched)];
        preemptions += goes_on && chosen != previous;
        return previous = chosen;
    }

    rl::thread_id_t choose()
    {
        rl::thread_id_t awake[count];
        unsigned n = 0, tried = sleeping, i;

        for (int k = 0; k < this->running_threads_count; k++) {
            rl::thread_id_t thread = this->running_threads[k];
            if (!pending[thread].object) /* commutes with everything: nothing to choose */
                return thread;
            if (!(sleeping >> thread & 1))
                awake[n++] = thread;
        }
        if (preemption_bound > 0)
            return choose_bounded();
        if (n == 0) {
            redundant_runs += !redundant;
            redundant = true;
            return this->running_threads[0];
        }
        i = n == 1 ? 0 : rand_impl(n, rl::sched_type_sched);
        for (unsigned k = 0; k < i; k++)
            tried |= 1u << awake[k];
        sleeping = 0;
        for (rl::thread_id_t k = 0; k < count; k++)
            if (tried >> k & 1 && commute(pending[k], pending[awake[i]]))
                sleeping |= 1u << k;
        return awake[i];
    }

  public:
    using thread_info_t = typename base::thread_info_t;
    using shared_context_t = typename base::shared_context_t;

    scheduler(rl::test_params &params, shared_context_t &shared, rl::thread_id_t dynamic)
        : base(params, shared, dynamic)
    {
    }

    rl::thread_id_t iteration_begin_impl()
    {
        this->stree_depth_ = 0;
        sleeping = 0;
        redundant = false;
        previous = this->running_threads[0];
        preemptions = 0;
        for (operation &p : pending)
            p = {};
        return this->running_threads[0];
    }

    rl::thread_id_t schedule_impl(rl::unpark_reason &reason, unsigned)
    {
        reason = rl::unpark_reason_normal;
        return choose();
    }

    /* Nothing is left to run: naps end. They still are marked as such. */
    void purge_blocked_threads()
    {
        int64_t first = INT64_MAX;

        for (rl::thread_id_t i = 0; i < count; i++)
            if (naps[i] && sleeps_on[i])
                first = std::min(first, naps_until[i]);
        time_now = first < INT64_MAX ? std::max(time_now, first) : time_now;
        for (rl::thread_id_t i = 0; i < count; i++)
            if (naps[i] && sleeps_on[i] && naps_until[i] == first) {
                sleeps_on[i] = nullptr;
                this->unpark_thread(i);
            }
    }

    unsigned rand_impl(unsigned limit, rl::sched_type type)
    {
        return redundant ? 0 : base::rand_impl(limit, type);
    }

    double iteration_count_approx()
    {
        return 1;
    }
};

} // namespace model

#endif
