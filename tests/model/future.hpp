/* For scenarios of futures of src/sync: what their files include of <trale/future.h>, in miniature. */
#ifndef MODEL_FUTURE_HPP
#define MODEL_FUTURE_HPP

#include "sync.hpp"

#define TRALE_API

struct trale_future;

struct trale_future_ops {
    trale_poll (*poll)(trale_future *self, trale_context *cx);
    void (*drop)(trale_future *self);
    const char *name;
};

struct trale_future {
    const trale_future_ops *ops;
    intptr_t output;
};

inline trale_poll trale_future_poll(trale_future *f, trale_context *cx)
{
    return f->ops->poll(f, cx);
}

inline void trale_future_drop(trale_future *f)
{
    if (f->ops->drop)
        f->ops->drop(f);
}

inline trale_poll future_ready(trale_future *f, intptr_t output)
{
    f->output = output;
    return TRALE_READY;
}

/* The plain calls are there to be compiled, not to be called. */
inline intptr_t await_call(const char *, trale_future *)
{
    abort();
}

namespace model
{

/* Who polls, by thread. */
struct with_wakers {
    sync_waker wakers[max_threads];

    sync_waker &waker()
    {
        return wakers[rl::thread_index()];
    }
    trale_poll poll(trale_future *f)
    {
        trale_context cx = {&waker()};

        return trale_future_poll(f, &cx);
    }
    intptr_t wait(trale_future *f)
    {
        while (poll(f) == TRALE_PENDING)
            waker().park();
        return end(f);
    }
    intptr_t end(trale_future *f)
    {
        trale_future_drop(f);
        return f->output;
    }
    /* READY: what was waited for may be gone before the drop. */
    template <typename F> intptr_t wait(F &f)
    {
        while (poll(&f.future) == TRALE_PENDING)
            waker().park();
        RL_ASSERT(!f.waiter.list);
        return end(&f.future);
    }
    /* As a cancel does; the waiter's memory may be gone after the drop. */
    template <typename F> intptr_t withdraw(F &f)
    {
        f.future.output = -ECANCELED;
        end(&f.future);
        RL_ASSERT(!f.waiter.list);
        return f.future.output;
    }
    bool is_woken()
    {
        announce(&waker(), false);
        rl::ctx().sched();
        return waker().woken;
    }
};

} // namespace model

/* C that C++ does otherwise, or not without a warning. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#endif
