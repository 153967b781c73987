/* See reactor.hpp. */
#include "reactor.hpp"

#include "base/inline.h"

#include <climits>
#include <cstdlib>
#include <cstring>

namespace model
{

reactor *current_reactor;
unsigned generation;
guarding_mutex *process_mutex;
claimed_waker *reactor_thread;

} // namespace model

/* The rest of what they include. */
#define BASE_BARRIER_H
#define CORE_POOL_H
#define CORE_PROCESS_H
#define TASK_AWAIT_FIBER_H
#define CORE_THREAD_START_H

int reactor_current(struct reactor **reactor)
{
    *reactor = model::current_reactor;
    return *reactor ? 0 : -EAGAIN;
}

static unsigned process_generation()
{
    return model::generation;
}

static int thread_start(pthread_t *, void *(*)(any_pointer), void *)
{
    abort();
}

static void thread_name(const char *)
{
}

namespace model
{

static void claim(trale_waker *waker, ::wake_batch *batch)
{
    if (static_cast<claimed_waker *>(waker)->claim())
        waker_claim(waker, batch);
}

static void deliver(::wake_batch *batch)
{
    for (int i = 0; batch->wakers[i]; i++)
        static_cast<claimed_waker *>(batch->wakers[i])->deliver();
    *batch = {};
}

static int init(guarding_mutex *)
{
    return 0;
}

/* By thread: what it could not lock. */
static guarding_mutex *locked[max_threads];

/* Those where CLOSED stands in the line of an atomic operation, which is the site. */
static bool is_with_atomic(const char *function)
{
    return strcmp(function, "trale_close") == 0 || strcmp(function, "source_is_closed") == 0;
}

static bool try_lock(guarding_mutex *m)
{
    locked[rl::thread_index()] = m;
    return m->try_take();
}

/* If it is not done: a report leaves the tick as it is, who compares does not see a difference. */
static uint64_t tick(bool done, const char *function)
{
    constexpr uint64_t one = SOURCE_TICK;

    return done ? one : strcmp(function, "source_ready") == 0 ? 0 : one << 16;
}

static void free_io(trale_io *io)
{
    open_io *o = container_of(io, open_io, io);

    RL_ASSERT(!o->freed);
    write(o->memory, -1);
    o->freed = io->word.freed = io->references.freed = true;
}

/* Of one thread, and only a hint to others: no step. */
static void count(counter *c, uint64_t n)
{
    rl::preemption_disabler undisturbed(rl::ctx());

    c->cell.store(c->cell.debug_value() + n, rl::mo_relaxed, RL_INFO);
}

/* The reactor's thread: ended, and what it did is there to be seen. */
static void join()
{
    reactor_thread->park();
}

} // namespace model

#define __atomic_load_n(a, order) atomic_load_explicit(a, MODEL##order)
#define __atomic_store_n(a, value, order) atomic_store_explicit(a, value, MODEL##order)
#define MODEL__ATOMIC_ACQUIRE memory_order_acquire
#define MODEL__ATOMIC_RELEASE memory_order_release
#define pthread_mutex_t model::guarding_mutex
#define pthread_mutex_init(m, attributes) model::init(m)
#define pthread_mutex_lock(m) (STEP((m)->take()), (m)->touch())
#define pthread_mutex_unlock(m) ((m)->touch(), STEP((m)->give()))
#define lock guarding_lock
#define lock_take(l) pthread_mutex_lock(&(l)->word)
#define lock_give(l) pthread_mutex_unlock(&(l)->word)
#define lock_try(l) model::try_lock(&(l)->word)
#define pthread_mutex_destroy(m) (m)->destroy()
#define pthread_join(thread, result) model::join()
#define process_lock() pthread_mutex_lock(model::process_mutex)
#define process_unlock() pthread_mutex_unlock(model::process_mutex)
#define pool_leave(job) ((void)(job))
#define counter_add(counter, n) model::count(counter, n)
#define counter_read(counter) ((counter)->cell.debug_value())
#define waker_prefetch(waker) ((void)(waker))
#define run_queue_prefetch(queue) ((void)0)
#define waker_claim(waker, batch) STEP(model::claim(waker, batch))
#define wake_batch_deliver(batch) STEP(model::deliver(batch))
#define poller_set_alarm(p, deadline) (STEP_TAKEN ? poller_set_alarm(p, deadline) : 0)
#define poller_write(p, fd, tag) (STEP_TAKEN ? poller_write(p, fd, tag) : 0)
#define poller_interrupt(p) STEP(poller_interrupt(p))
#define poller_remove(p, fd) (STEP_TAKEN ? poller_remove(p, fd) : 0)

#define list_init(head) STEP(list_init(head))
#define list_push_back(head, link) STEP(list_push_back(head, link))
#define list_remove(link) STEP(list_remove(link))
#define list_append(head, from) STEP(list_append(head, from))
#define reactor_remove(r, io) STEP(reactor_remove(r, io))
#define free(io) model::free_io(io)
#define close(fd) (model::the_kernel->close(fd), 0)
#define sched_yield() model::spin_while(io->word, UINT64_C(0xffff) << 16)
#undef SOURCE_TICK
#define SOURCE_TICK model::tick(STEP_TAKEN_FOR(" (tick)"), __func__)
#undef SOURCE_CLOSED
#define SOURCE_CLOSED \
    (model::is_with_atomic(__func__) || STEP_TAKEN_FOR(" (closed)") ? UINT64_C(8) : UINT64_C(0))
#undef SOURCE_FINAL
#define SOURCE_FINAL (STEP_TAKEN_FOR(" (final)") ? UINT64_C(4) : UINT64_C(0))
#include "core/io_source.c"
#undef close
#undef free
#undef sched_yield
#undef reactor_remove

#include "base/pairing_heap.c"
#define heap_insert(heap, timer) STEP(heap_insert(heap, timer))
#define heap_remove(heap, timer) STEP(heap_remove(heap, timer))
#include "core/timer_queue.c"
#undef __atomic_load_n
#undef __atomic_store_n

#define baton_put_down(b) STEP(baton_put_down(b))
#define baton_return(b) STEP(baton_return(b))
#define baton_hand_over(b) STEP(baton_hand_over(b))
#define source_ready(io, ready, batch) STEP(source_ready(io, ready, batch))
#define source_evict(io, batch) STEP(source_evict(io, batch))
#define source_release(io) STEP(source_release(io))
#define timer_queue_evict(q, batch) STEP(timer_queue_evict(q, batch))
#define reactor_main(...) reactor_main(any_pointer arg)
#define sched_yield() model::locked[rl::thread_index()]->spin_while_locked()
#include "core/reactor.c"
#undef reactor_main

namespace model
{

void open_io::open(int fd)
{
    io.fd = fd;
    io.kind = {};
    atomic_init(&io.word, SOURCE_READABLE | SOURCE_WRITABLE);
    atomic_init(&io.references, 1u);
    atomic_init(&io.owed[0], 0);
    atomic_init(&io.owed[1], 0);
    atomic_init(&io.generation, generation);
    atomic_init(&io.found, (uint16_t)0);
    io.detached = false;
    io.reactor = nullptr;
    io.lent = 0;
    io.close_later = false;
    (list_init)(&io.waiters);
    write(memory, 0);
}

with_reactors::with_reactors()
{
    the_kernel = &k;
    current_reactor = &reactors[0];
    generation = 0;
    datagrams = false;
    process_mutex = &process;
    atomic_init(&parked.queue.inbox.head, INBOX_PARKED);
    for (reactor &r : reactors) {
        r.poller = {};
        memset(r.timers.filled, 0, sizeof r.timers.filled);
        memset(r.timers.slot, 0, sizeof r.timers.slot);
        r.timers.heap.first = nullptr;
        r.timers.order = r.timers.recent = 0;
        r.timers.blocking = false;
        atomic_init(&r.timers.claimed, false);
        r.executors = &parked;
        r.count = 1;
        timer_queue_init(&r.timers, &r.poller);
        atomic_init(&r.baton.holder, (uint32_t)BATON_REACTOR);
        atomic_init(&r.stopping, false);
        for (counter *c : {&r.turns, &r.waits, &r.events, &r.timers.pending})
            atomic_init(c, (uint64_t)0);
        atomic_init(&r.registered, 0u);
        atomic_init(&r.retired_count, 0u);
        (list_init)(&r.sources);
        (list_init)(&r.retired);
    }
}

void with_reactors::evict(reactor &r)
{
    ::wake_batch batch = {};

    (timer_queue_evict)(&r.timers, &batch);
    deliver(&batch);
}

void with_reactors::run(reactor &r)
{
    reactor_main({&r});
    reactor_thread->claim();
    reactor_thread->deliver();
}

void with_reactors::stand_by_and_run(reactor &r)
{
    stand_by(&r);
    run(r);
}

void with_reactors::expire(reactor &r)
{
    (::expire)(&r, nullptr);
}

intptr_t with_reactors::attempt(const trale_io *io, void *operation, bool *drained)
{
    wish &w = *static_cast<wish *>(operation);

    w.tries++;
    read(container_of(io, open_io, io)->memory);
    if (w.direction & SOURCE_APART)
        return the_kernel->readable(io->fd) ? 1 : -EAGAIN;
    if (!the_kernel->take(io->fd, 0, w.direction, drained))
        return -EAGAIN;
    if (datagrams && w.direction == TRALE_READABLE)
        source_found(io);
    return 1;
}

intptr_t with_reactors::try_now(trale_io &io)
{
    wish w = {TRALE_READABLE, 0};

    return source_try_now(&io, TRALE_READABLE, attempt, &w);
}

trale_poll with_reactors::poll_io(trale_io &io, wish &w, intptr_t &output, int who)
{
    trale_context cx = {&wakers[who]};

    return source_poll(&waiters[who], &io, w.direction, attempt, &w, &cx, &output);
}

void with_reactors::forget()
{
    trale_io_waiter &w = waiters[rl::thread_index()];

    source_forget(&w);
    w.link.next = w.link.prev = nullptr;
    w.waker = nullptr;
    atomic_init(&w.linked, false);
}

intptr_t with_reactors::wait_for(trale_io &io, unsigned direction)
{
    wish w = {direction, 0};
    intptr_t output = 0;

    while (poll_io(io, w, output, rl::thread_index()) == TRALE_PENDING)
        waker().park();
    forget();
    return output;
}

void with_reactors::begin_wait(trale_io &io, unsigned direction, int who)
{
    wish w = {direction, 0};
    intptr_t output = 0;

    RL_ASSERT(poll_io(io, w, output, who) == TRALE_PENDING);
}

} // namespace model
