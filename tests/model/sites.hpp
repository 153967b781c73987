/*
 * The sites: every atomic operation in the library's headers, found as the scenarios reach it,
 * and how it is mutated in the current run.
 */
#ifndef MODEL_SITES_HPP
#define MODEL_SITES_HPP

/*
 * First: it undoes what a fortified C library would hold against its switching of stacks. Its
 * parts, for <relacy/relacy.hpp> also makes macros of new, free and errno.
 */
#include <relacy/base.hpp>
#include <relacy/context.hpp>
#include <relacy/context_base_impl.hpp>
#include <relacy/atomic.hpp>
#include <relacy/var.hpp>
#include <relacy/test_suite.hpp>
#include <relacy/stdlib/mutex.hpp>
#include <relacy/stdlib/condition_variable.hpp>
#include <relacy/stdlib/semaphore.hpp>
#include <relacy/stdlib/event.hpp>
#undef $

#include <bitset>
#include <cstdint>

namespace model
{

constexpr int max_threads = 3, max_scenarios = 256;

enum kind {
    LOAD,
    STORE,
    EXCHANGE,
    FETCH_ADD,
    FETCH_SUB,
    FETCH_OR,
    FETCH_AND,
    COMPARE_EXCHANGE,
    STEP, /* not atomic by itself: something that is done under a lock (sync.hpp) */
};

enum change {
    NOTHING,
    ORDER,         /* a weaker order; of a compare-exchange that succeeds */
    FAILURE_ORDER, /* a weaker order of a compare-exchange that fails */
    DROPPED,       /* does not write, but says it did */
    NEVER,         /* a compare-exchange that always fails */
};

struct site {
    const char *file, *function;
    unsigned line;
    enum kind kind;
    rl::memory_order order, failure;
    std::bitset<max_scenarios> scenarios; /* those that come here */
};

struct mutant {
    const site *where = nullptr;
    enum change change = NOTHING;
    rl::memory_order to = rl::mo_relaxed;
};

extern mutant current; /* in this run */

/* The site of this place; new ones are entered. The order it was found with is the first one. */
site &find_site(const char *file, unsigned line, const char *function, enum kind kind,
                rl::memory_order order, rl::memory_order failure = rl::mo_relaxed);

inline bool is_mutated(const site &s, enum change change)
{
    return current.where == &s && current.change == change;
}

/* Is what is written there done in this run? */
inline bool is_done(const char *file, unsigned line, const char *function)
{
    return !is_mutated(find_site(file, line, function, STEP, rl::mo_relaxed), DROPPED);
}

inline rl::memory_order mutated(const site &s, rl::memory_order order)
{
    return is_mutated(s, ORDER) ? current.to : order;
}

inline rl::memory_order mutated_failure(const site &s, rl::memory_order order)
{
    return is_mutated(s, FAILURE_ORDER) ? current.to : order;
}

/*
 * What the calling thread does next, once it is scheduled: to which object, and whether it may
 * change it. The scheduler needs it to tell which operations commute (scheduler.hpp).
 */
struct operation {
    const void *object = nullptr; /* NULL: nothing that others could notice */
    bool writes = false;
};

extern operation pending[max_threads];

/* By thread: what it sleeps on; whether that ends when nothing else is left to run (futex.h), and when:
 * those that end first do, and so much time has passed then. */
extern const void *sleeps_on[max_threads];
extern bool naps[max_threads];
extern int64_t naps_until[max_threads], time_now;

inline void announce(const void *object, bool writes)
{
    pending[rl::ctx().current_thread()] = {object, writes};
}

inline bool commute(const operation &a, const operation &b)
{
    return a.object != b.object || !a.object || !(a.writes || b.writes);
}

} // namespace model

/* Is the step in this line taken? Not if it is the mutant of this run. */
#define STEP_TAKEN STEP_TAKEN_FOR("")
#define STEP_TAKEN_FOR(which) model::is_done(__FILE__ which, __LINE__, __func__)
#define STEP(call) (STEP_TAKEN ? (void)(call) : (void)0)

#endif
