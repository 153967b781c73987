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

    scenario(const char *n, outcome (*e)(std::ostream *));
};

extern scenario *scenarios; /* the last one registered first */
extern unsigned goals_reached;
extern unsigned deep; /* MODEL_DEEP: so many preemptions more, and longer looks back */

inline void reached(unsigned goal)
{
    goals_reached |= 1u << goal;
}

/* What Relacy calls, whatever the scenario is: so its engine is compiled once (explore.cpp). */
struct steps {
    virtual ~steps() = default;
    virtual void before()
    {
    }
    virtual void thread(unsigned index) = 0;
    virtual void after()
    {
    }
};

struct plan {
    int threads;
    unsigned goals, preemptions;
    steps *(*make)(); /* always in the same place */
};

outcome explore_plan(const plan &p, std::ostream *history);

template <typename S> steps *make()
{
    alignas(S) static char place[sizeof(S)];

    return ::new (place) S();
}

template <typename S> outcome explore(std::ostream *history)
{
    return explore_plan({S::threads, S::goals, S::preemptions, make<S>}, history);
}

/* The goals that must be reached, by bits; how many preemptions at most, 0 for any number. */
template <typename S, int thread_count, unsigned all_goals = 0, unsigned most_preemptions = 0>
struct suite : steps {
    static constexpr int threads = thread_count;
    static constexpr unsigned goals = all_goals;
    static constexpr unsigned preemptions = most_preemptions;

    suite()
    {
        time_now = 0;
        for (int i = 0; i < max_threads; i++) {
            this_executor[i] = nullptr;
            sleeps_on[i] = spins_on[i] = nullptr;
            naps[i] = false;
            naps_until[i] = 0;
            timeouts_left[i] = 0;
        }
    }
};

#define SCENARIO(type, name) static model::scenario registered_##type(name, model::explore<type>)

} // namespace model

#endif
