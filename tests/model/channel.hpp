/*
 * For scenarios of channels and selects: what src/sync/channel.c and src/task/select.c include, in
 * miniature. Both are compiled on top of it as they are (channel.cpp, select.cpp).
 */
#ifndef MODEL_CHANNEL_HPP
#define MODEL_CHANNEL_HPP

#include "future.hpp"

/* In place of <trale/select.h>, <trale/channel.h>, task/task.h, task/await_fiber.h, and
 * sync/owned_lock.h, which owned.cpp is about. */
#define TASK_AWAIT_FIBER_H
#define SYNC_OWNED_LOCK_H
#define TRALE_SELECT_H
#define TRALE_CHANNEL_H
#define TASK_TASK_H

namespace model
{

/* A claim word in a struct that is assigned as a whole, before anybody else sees it. */
struct claim_cell {
    _Atomic(uint32_t) word;

    claim_cell()
    {
        atomic_init(&word, 0u);
    }
    claim_cell(const claim_cell &) : claim_cell()
    {
    }
    claim_cell &operator=(const claim_cell &)
    {
        atomic_init(&word, 0u);
        return *this;
    }
};

} // namespace model

struct trale_select_future {
    trale_future future;
    trale_future *const *futures;
    size_t count;
    model::plain<trale_select_future *> outer;
    model::plain<size_t> place, taken;
    model::claim_cell claim;
    model::plain<int> stage;
};

struct trale_join_all_future {
    trale_future future;
    trale_future *const *futures;
    size_t count, left;
    int stage;
};

/* Every thread is a fiber, which is never cancelled. */
struct trale_task {
    model::sync_waker waker;
};
struct channel_thread {
    trale_task *task;
    unsigned spent;
};
inline channel_thread channel_threads[model::max_threads];
#define this_thread channel_threads[rl::thread_index()]

inline bool await_fiber_may_at_once()
{
    return true;
}
using poll_function = trale_poll(trale_future *, trale_context *);
using drop_function = void(trale_future *);
inline intptr_t await_fiber_waiting(trale_task *task, trale_future *future, poll_function *poll,
                                    drop_function *)
{
    trale_context cx = {&task->waker};

    do {
        task->waker.park();
    } while (poll(future, &cx) == TRALE_PENDING);
    return future->output;
}

struct owned_lock {
    wait_word word;
};
inline bool owned_enter(owned_lock *l)
{
    word_lock(&l->word);
    return false;
}
inline bool lock_refuses; /* now and then; else who owns it has it, and that is everybody */
inline bool owned_enter_at_once(owned_lock *l)
{
    if (lock_refuses && rl::rand(2))
        return false;
    word_lock(&l->word);
    return true;
}
inline void owned_leave(struct owned_lock *l, bool)
{
    word_unlock(&l->word, 0, false);
}

struct trale_channel;

struct trale_channel_waiter {
    trale_link link;
    model::plain<trale_waker *> waker;
    model::plain<trale_channel *> channel;
    model::plain<trale_select_future *> select;
    model::plain<size_t> place;
    model::plain<void *> item;
    model::plain<int> stage;
};

struct trale_channel_send_future {
    trale_future future;
    trale_channel *channel;
    const void *item;
    trale_channel_waiter waiter;
};

struct trale_channel_recv_future {
    trale_future future;
    trale_channel *channel;
    void *item;
    trale_channel_waiter waiter;
};

int trale_channel_new(trale_channel **channel, size_t item_size, size_t capacity);
int trale_channel_send(trale_channel *channel, const void *item);
int trale_channel_recv(trale_channel *channel, void *item);
int trale_channel_try_send(trale_channel *channel, const void *item);
int trale_channel_try_recv(trale_channel *channel, void *item);
int trale_channel_close(trale_channel *channel);
void trale_channel_send_init(trale_channel_send_future *f, trale_channel *channel,
                             const void *item);
void trale_channel_recv_init(trale_channel_recv_future *f, trale_channel *channel, void *item);
void trale_select_init(trale_select_future *f, trale_future *const *futures, size_t count);
void trale_join_all_init(trale_join_all_future *f, trale_future *const *futures, size_t count);

#endif
