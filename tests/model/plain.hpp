/* What is no atomic: memory that threads hand to each other, and locks. */
#ifndef MODEL_PLAIN_HPP
#define MODEL_PLAIN_HPP

#include "stdatomic.h"

namespace model
{

using shared_int = rl::var<int>;

inline void write(shared_int &v, int value)
{
    v(RL_INFO).store(value);
}

inline int read(const shared_int &v)
{
    return v(RL_INFO).load();
}

template <typename T> class plain
{
    rl::var<T> cell;

  public:
    plain()
    {
        *this = T();
    }
    plain(T value)
    {
        *this = value;
    }
    plain(const plain &other) : plain((T)other)
    {
    }
    operator T() const
    {
        return cell(RL_INFO).load();
    }
    template <typename U = T, typename = std::enable_if_t<std::is_pointer_v<U>>>
    explicit operator uintptr_t() const
    {
        return (uintptr_t)(T) * this;
    }
    T operator->() const
    {
        return *this;
    }
    T operator=(T value)
    {
        cell(RL_INFO).store(value);
        return value;
    }
    plain &operator=(const plain &other)
    {
        *this = (T)other;
        return *this;
    }
    T operator+=(T value)
    {
        return *this = *this + value;
    }
    T operator-=(T value)
    {
        return *this = *this - value;
    }
};

/* In place of pthread_mutex_t. Whoever comes by when it is destroyed is too late. */
class mutex
{
    rl::atomic<int> held;
    bool destroyed;

  public:
    mutex()
    {
        init();
    }
    void init()
    {
        rl::preemption_disabler undisturbed(rl::ctx());
        held.store(0, rl::mo_relaxed, RL_INFO);
        destroyed = false;
    }
    mutex &operator=(const mutex &) /* a new one */
    {
        return *this;
    }
    void lock()
    {
        while (!try_lock())
            sleep_on(this, RL_INFO);
    }
    bool try_lock()
    {
        int none = 0;
        announce(this, true);
        bool got = held.compare_exchange_strong(none, 1, rl::mo_acquire, RL_INFO, rl::mo_relaxed,
                                                RL_INFO);
        RL_ASSERT(!destroyed);
        return got;
    }
    void unlock()
    {
        announce(this, true);
        held.store(0, rl::mo_release, RL_INFO);
        RL_ASSERT(!destroyed);
        wake_one(this, RL_INFO);
        end_spins(this);
    }
    /* In place of trying again and again. */
    void spin_while_locked()
    {
        announce(this, true);
        rl::ctx().sched();
        if (held.debug_value() == 0)
            return;
        spins_on[rl::ctx().current_thread()] = this;
        announce(nullptr, false);
        rl::ctx().park_current_thread(false, false, false, RL_INFO);
    }
    void destroy()
    {
        announce(this, true);
        rl::ctx().sched();
        RL_ASSERT(held.debug_value() == 0);
        destroyed = true;
    }
};

} // namespace model

#endif
