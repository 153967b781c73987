/*
 * What a scenario is: a Relacy test suite with threads that share objects of the library in
 * miniature, and goals: situations that must come up in at least one interleaving, or else the
 * scenario does not show what it is there for.
 */
#ifndef MODEL_SCENARIOS_HPP
#define MODEL_SCENARIOS_HPP

#include "library.hpp"
#include "scheduler.hpp"

namespace model
{

struct outcome {
    rl::test_result_e result;
    unsigned long runs;
    unsigned missed; /* goals, by bits */
    bool is_good() const
    {
        return result == rl::test_result_success && missed == 0;
    }
};

struct scenario {
    const char *name;
    outcome (*explore)(
        std::ostream *history); /* NULL: do not print the interleaving that failed */
    scenario *next;
    unsigned long runs = 0;
    unsigned long redundant = 0;
    unsigned bound = 0;

    scenario(const char *n, outcome (*e)(std::ostream *));
};

extern scenario *scenarios; /* the last one registered first */
extern unsigned goals_reached;
extern unsigned deep; /* MODEL_DEEP: so many preemptions more, and longer looks back */

inline void reached(unsigned goal)
{
    goals_reached |= 1u << goal;
}

/* Repeats the run that failed, and prints its steps. */
template <typename S> void print_failure(rl::test_params &params, std::ostream &out)
{
    rl::ostringstream none;

    params.collect_history = true;
    params.output_stream = &out;
    rl::run_test<S, scheduler<S::params::thread_count>>(params, none, true);
}

template <typename S> outcome explore(std::ostream *history)
{
    rl::test_params params;
    rl::ostringstream ignored, failed_run;

    params.search_type = /* only says how far back a load may look */
        deep ? rl::random_scheduler_type : rl::fair_full_search_scheduler_type;
    params.execution_depth_limit = 1000;
    params.output_stream = params.progress_stream = &ignored;
    goals_reached = 0;
    preemption_bound = S::preemptions ? S::preemptions + deep : 0;
    redundant_runs = 0;
    rl::test_result_e result =
        rl::run_test<S, scheduler<S::params::thread_count>>(params, failed_run, false);
    outcome o = {result, (unsigned long)params.stop_iteration, 0};
    if (result == rl::test_result_success)
        o.missed = S::goals & ~goals_reached;
    else if (history) {
        params.initial_state = failed_run.str();
        print_failure<S>(params, *history);
    }
    return o;
}

/* The goals that must be reached, by bits; how many preemptions at most, 0 for any number. */
template <typename S, int threads, unsigned all_goals = 0, unsigned most_preemptions = 0>
struct suite : rl::test_suite<S, threads> {
    static_assert(threads <= max_threads);
    static constexpr unsigned goals = all_goals;
    static constexpr unsigned preemptions = most_preemptions;

    suite()
    {
        for (int i = 0; i < max_threads; i++) {
            this_executor[i] = nullptr;
            sleeps_on[i] = nullptr;
            timeouts_left[i] = 0;
        }
    }
};

#define SCENARIO(type, name) static model::scenario registered_##type(name, model::explore<type>)

} // namespace model

#endif
