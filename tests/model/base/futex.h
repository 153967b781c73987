/*
 * Takes the place of src/base/futex.h. A thread that waits is not run until it is woken, and it is
 * woken by futex_wake only: nothing times out or wakes up by itself, so a wake that is forgotten
 * is a deadlock. Exception: a scenario may say how often waits with a time-out may end at once,
 * by thread, or that they always do, or that they end when nothing else is left to run.
 *
 * As in the kernel, the comparison sees the last value and is one step with falling asleep.
 * Neither waiting nor waking synchronizes: what the C11 orders do not give is not there.
 */
#ifndef BASE_FUTEX_H
#define BASE_FUTEX_H

#include "stdatomic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <utility>

namespace model
{

/* By thread. */
extern unsigned timeouts_left[max_threads];
constexpr unsigned always = ~0u, at_last = ~1u;

/* Sleeps until a wake for the object comes. */
inline void sleep_on(const void *object, const rl::debug_info &info)
{
    rl::context &c = rl::ctx();
    rl::timestamp_t last_yield = c.threadx_->last_yield_;

    sleeps_on[c.current_thread()] = object;
    announce(nullptr, false);
    c.park_current_thread(false, false, false, info);
    c.threadx_->last_yield_ = last_yield; /* sleeping makes nothing visible */
}

/* In place of looking again and again: until somebody writes it, if one of the bits is set. */
template <typename T> void spin_while(const atomic<T> &a, T bits)
{
    announce(&a, true);
    rl::ctx().sched();
    if ((latest(const_cast<atomic<T> &>(a), RL_INFO) & bits) == 0)
        return;
    spins_on[rl::ctx().current_thread()] = &a;
    announce(nullptr, false);
    rl::ctx().park_current_thread(false, false, false, RL_INFO);
}

inline void wake_one(const void *object, const rl::debug_info &info)
{
    int sleepers[max_threads], n = 0, i;

    for (i = 0; i < rl::ctx().get_thread_count(); i++)
        if (sleeps_on[i] == object)
            sleepers[n++] = i;
    if (n == 0)
        return;
    i = sleepers[n == 1 ? 0 : rl::ctx().rand(n, rl::sched_type_user)]; /* any of them */
    sleeps_on[i] = nullptr;
    naps[i] = false;
    rl::ctx().unpark_thread(i, false, info);
}

} // namespace model

template <typename T>
bool futex_wait(model::atomic<T> *word, uint32_t expected, int64_t timeout_ns)
{
    rl::debug_info info = RL_INFO;

    model::announce(word, true);
    rl::ctx().sched();
    if ((uint32_t)model::latest(*word, info) != expected)
        return true;
    unsigned &left = model::timeouts_left[rl::thread_index()];
    if (timeout_ns >= 0 && left == model::at_last) {
        bool &naps = model::naps[rl::thread_index()];
        naps = true;
        model::naps_until[rl::thread_index()] = 0;
        model::sleep_on(word, info);
        return !std::exchange(naps, false);
    }
    if (timeout_ns >= 0 && left > 0 &&
        (left == model::always || rl::ctx().rand(2, rl::sched_type_user) == 1)) {
        left -= left != model::always;
        return false;
    }
    model::sleep_on(word, info);
    return true;
}

/* Uses the address only. */
inline void futex_wake(const void *word)
{
    model::announce(word, true);
    rl::ctx().sched();
    model::wake_one(word, RL_INFO);
}

inline void futex_wake_all(const void *word)
{
    model::announce(word, true);
    rl::ctx().sched();
    for (int i = 0; i < rl::ctx().get_thread_count(); i++)
        if (model::sleeps_on[i] == word) {
            model::sleeps_on[i] = nullptr;
            model::naps[i] = false;
            rl::ctx().unpark_thread(i, false, RL_INFO);
        }
}

#endif
