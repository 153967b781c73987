/*
 * Found before the compiler's own <stdatomic.h>: the library's headers, compiled with this one,
 * are what the model explores. Every operation is a scheduling point, is known by the file and
 * line where its order is written, and can be mutated (see sites.hpp).
 *
 * What an operation may return: the memory model is Relacy's. A load may return any of the last
 * three values that coherence and happens-before leave open; read-modify-writes act on the last.
 * Relacy lets a failed compare-exchange see only the last value; in C11 it is a load like any
 * other, and that is what a strong one is here. A weak one, which stands in a loop, fails only
 * if somebody came between: other failures make the loop turn once more, and nothing else.
 */
#ifndef MODEL_STDATOMIC_H
#define MODEL_STDATOMIC_H

#include "sites.hpp"

namespace model
{

/* By thread: the atomic that it looks at again and again until somebody writes it. */
extern const void *spins_on[max_threads];

template <typename T> struct atomic {
    using value_type = T;
    rl::atomic<T> cell;
    T initial = T();    /* in an initializer */
    bool freed = false; /* set by a scenario: whoever comes by after that is too late */

    atomic() = default;
    atomic(T value) : initial(value)
    {
    }
    /* By an initializer, before anybody else sees it. */
    atomic &operator=(const atomic &other)
    {
        rl::preemption_disabler undisturbed(rl::ctx());

        cell.store(other.initial, rl::mo_relaxed, RL_INFO);
        freed = false;
        return *this;
    }
    atomic(const atomic &) = delete;

    void check() const
    {
        RL_ASSERT(!freed);
    }
};

/* Where and in which order: what memory_order_acquire and the others stand for. */
struct order {
    rl::memory_order mo;
    const char *file;
    unsigned line;
    const char *function;

    rl::debug_info info() const
    {
        return {function, file, line};
    }
};

/* While there is one: loads are not explored, for what they are asked for cannot change. */
struct quiet {
    static inline int level;
    quiet()
    {
        level++;
    }
    ~quiet()
    {
        level--;
    }
};

inline void end_spins(const void *object)
{
    for (int i = 0; i < rl::ctx().get_thread_count(); i++)
        if (spins_on[i] == object) {
            spins_on[i] = nullptr;
            rl::ctx().unpark_thread(i, false, RL_INFO);
        }
}

template <typename T> T other_than(T value)
{
    if constexpr (std::is_same_v<T, bool>)
        return !value;
    else
        return ~value;
}

/* The last value, whatever the thread knows: coherence only, no synchronization. */
template <typename T> T latest(atomic<T> &a, const rl::debug_info &info)
{
    rl::preemption_disabler undisturbed(rl::ctx());
    T value = other_than(a.cell.debug_value());

    a.cell.compare_exchange_strong(value, value, rl::mo_relaxed, info, rl::mo_relaxed, info);
    return value;
}

/* What happened before the calling thread's next action; to take back an acquire. */
class knowledge
{
    rl::timestamp_t saved[max_threads];

  public:
    knowledge()
    {
        std::copy_n(rl::ctx().threadx_->acq_rel_order_, rl::ctx().get_thread_count(), saved);
    }
    void restore() const
    {
        std::copy_n(saved, rl::ctx().get_thread_count(), rl::ctx().threadx_->acq_rel_order_);
    }
};

template <typename T>
bool compare_exchange(bool weak, atomic<T> &a, T &expected, T desired, const order &success,
                      const order &failure)
{
    const site &s = find_site(success.file, success.line, success.function, COMPARE_EXCHANGE,
                              success.mo, failure.mo);
    rl::memory_order failing = mutated_failure(s, failure.mo);
    rl::debug_info info = success.info();
    bool undecided;

    announce(&a, true);
    rl::ctx().sched();
    a.check();
    rl::preemption_disabler undisturbed(rl::ctx());
    undecided = a.cell.debug_value() == expected && !is_mutated(s, NEVER);
    if (undecided && !weak) { /* it may yet see another value than the last */
        knowledge before;
        T seen = a.cell.load(failing, info);
        if (seen != expected) {
            expected = seen;
            return false;
        }
        before.restore();
    }
    if (undecided && is_mutated(s, DROPPED))
        return true;
    if (undecided) {
        end_spins(&a);
        return a.cell.compare_exchange_strong(expected, desired, mutated(s, success.mo), info,
                                              rl::mo_relaxed, info);
    }
    T none = other_than(a.cell.debug_value());
    a.cell.compare_exchange_strong(none, none, rl::mo_seq_cst, info, failing, info);
    expected = none;
    return false;
}

} // namespace model

#define MODEL_ORDER(name) (model::order{rl::mo_##name, __FILE__, __LINE__, __func__})
#define memory_order_relaxed MODEL_ORDER(relaxed)
#define memory_order_acquire MODEL_ORDER(acquire)
#define memory_order_release MODEL_ORDER(release)
#define memory_order_acq_rel MODEL_ORDER(acq_rel)
#define memory_order_seq_cst MODEL_ORDER(seq_cst)

#define _Atomic(type) model::atomic<type>
using atomic_size_t = model::atomic<size_t>;
using atomic_uint = model::atomic<unsigned>;
using atomic_bool = model::atomic<bool>;

/* Before the threads start, or where nobody else looks: not an atomic operation. */
template <typename T>
void atomic_init(model::atomic<T> *a, typename model::atomic<T>::value_type value)
{
    rl::preemption_disabler undisturbed(rl::ctx());

    a->cell.store(value, rl::mo_relaxed, RL_INFO);
}

template <typename T> T atomic_load_explicit(const model::atomic<T> *a, const model::order &o)
{
    const model::site &s = model::find_site(o.file, o.line, o.function, model::LOAD, o.mo);

    if (model::quiet::level > 0)
        return a->cell.debug_value();
    model::announce(a, false);
    T value = a->cell.load(model::mutated(s, o.mo), o.info());
    a->check();
    return value;
}

template <typename T>
void atomic_store_explicit(model::atomic<T> *a, typename model::atomic<T>::value_type value,
                           const model::order &o)
{
    const model::site &s = model::find_site(o.file, o.line, o.function, model::STORE, o.mo);

    model::announce(a, true);
    if (!model::is_mutated(s, model::DROPPED))
        a->cell.store(value, model::mutated(s, o.mo), o.info());
    else
        rl::ctx().sched();
    end_spins(a);
    a->check();
}

#define MODEL_READ_MODIFY_WRITE(name, KIND) \
    template <typename T> \
    T atomic_##name##_explicit(model::atomic<T> *a, typename model::atomic<T>::value_type value, \
                               const model::order &o) \
    { \
        const model::site &s = model::find_site(o.file, o.line, o.function, model::KIND, o.mo); \
\
        model::announce(a, true); \
        T old; \
        if (!model::is_mutated(s, model::DROPPED)) { \
            old = a->cell.name(value, model::mutated(s, o.mo), o.info()); \
        } else { \
            rl::ctx().sched(); \
            old = model::latest(*a, o.info()); \
        } \
        end_spins(a); \
        a->check(); \
        return old; \
    }
MODEL_READ_MODIFY_WRITE(exchange, EXCHANGE)
MODEL_READ_MODIFY_WRITE(fetch_add, FETCH_ADD)
MODEL_READ_MODIFY_WRITE(fetch_sub, FETCH_SUB)
MODEL_READ_MODIFY_WRITE(fetch_or, FETCH_OR)
MODEL_READ_MODIFY_WRITE(fetch_and, FETCH_AND)
#undef MODEL_READ_MODIFY_WRITE

template <typename T>
bool atomic_compare_exchange_strong_explicit(model::atomic<T> *a, T *expected,
                                             typename model::atomic<T>::value_type desired,
                                             const model::order &success,
                                             const model::order &failure)
{
    return model::compare_exchange(false, *a, *expected, desired, success, failure);
}

template <typename T>
bool atomic_compare_exchange_weak_explicit(model::atomic<T> *a, T *expected,
                                           typename model::atomic<T>::value_type desired,
                                           const model::order &success,
                                           const model::order &failure)
{
    return model::compare_exchange(true, *a, *expected, desired, success, failure);
}

#define atomic_load(a) atomic_load_explicit(a, memory_order_seq_cst)
#define atomic_store(a, value) atomic_store_explicit(a, value, memory_order_seq_cst)
#define atomic_exchange(a, value) atomic_exchange_explicit(a, value, memory_order_seq_cst)
#define atomic_fetch_or(a, value) atomic_fetch_or_explicit(a, value, memory_order_seq_cst)
#define atomic_fetch_and(a, value) atomic_fetch_and_explicit(a, value, memory_order_seq_cst)
#define atomic_compare_exchange_weak(a, expected, desired) \
    atomic_compare_exchange_weak_explicit(a, expected, desired, memory_order_seq_cst, \
                                          memory_order_seq_cst)
#define atomic_compare_exchange_strong(a, expected, desired) \
    atomic_compare_exchange_strong_explicit(a, expected, desired, memory_order_seq_cst, \
                                            memory_order_seq_cst)

/* It is for the compiler, which does not move anything here. */
inline void atomic_signal_fence(const model::order &)
{
}

#endif
