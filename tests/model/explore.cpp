/* Runs scenarios: Relacy's engine, once for each number of threads. */
#include "scenarios.hpp"

namespace model
{
namespace
{

steps *(*make_steps)();

template <int threads> struct relacy_suite : rl::test_suite<relacy_suite<threads>, threads> {
    steps *s = make_steps();

    ~relacy_suite()
    {
        s->~steps();
    }
    void before()
    {
        s->before();
    }
    void thread(unsigned index)
    {
        s->thread(index);
    }
    void after()
    {
        s->after();
    }
};

rl::test_result_e run(int threads, rl::test_params &params, std::ostream &state, bool again)
{
    static_assert(max_threads == 3);
    if (threads == 2)
        return rl::run_test<relacy_suite<2>, scheduler<2>>(params, state, again);
    RL_VERIFY(threads == 3);
    return rl::run_test<relacy_suite<3>, scheduler<3>>(params, state, again);
}

/* Repeats the run that failed, and prints its steps. */
void print_failure(int threads, rl::test_params &params, std::ostream &out)
{
    rl::ostringstream none;

    params.collect_history = true;
    params.output_stream = &out;
    run(threads, params, none, true);
}

} // namespace

outcome explore_plan(const plan &p, std::ostream *history)
{
    rl::test_params params;
    rl::ostringstream ignored, failed_run;

    params.search_type = /* only says how far back a load may look */
        deep ? rl::random_scheduler_type : rl::fair_full_search_scheduler_type;
    params.execution_depth_limit = 1000;
    params.output_stream = params.progress_stream = &ignored;
    make_steps = p.make;
    goals_reached = 0;
    preemption_bound = p.preemptions ? p.preemptions + deep : 0;
    redundant_runs = 0;
    rl::test_result_e result = run(p.threads, params, failed_run, false);
    outcome o = {result, (unsigned long)params.stop_iteration, 0};
    if (result == rl::test_result_success)
        o.missed = p.goals & ~goals_reached;
    else if (history) {
        params.initial_state = failed_run.str();
        print_failure(p.threads, params, *history);
    }
    return o;
}

} // namespace model
