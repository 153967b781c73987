/* See reactor.hpp. */
#include "reactor.hpp"

#include <climits>
#include <cstdlib>
#include <cstring>

namespace model
{

kernel *the_kernel;
reactor *current_reactor;
unsigned generation;
guarding_mutex *process_mutex;

static void step(bool writes = true)
{
    announce(the_kernel, writes);
    rl::ctx().sched();
}

static void end_wait(poller *p)
{
    for (int i = 0; i < max_threads; i++)
        if (the_kernel->waits[i] == p)
            wake_one(&the_kernel->waits[i], RL_INFO);
}

static void change(file &f)
{
    f.changed = true;
    if (f.watched_by)
        end_wait(f.watched_by);
}

void kernel::give(int fd, int bytes, int room)
{
    step();
    files[fd].bytes += bytes;
    files[fd].room += room;
    change(files[fd]);
}

void kernel::hang_up(int fd)
{
    step();
    files[fd].hung_up = true;
    change(files[fd]);
}

void kernel::touch(int fd, int serial)
{
    step();
    RL_ASSERT(files[fd].serial == serial);
    read(files[fd].number);
}

bool kernel::take(int fd, int serial, unsigned direction)
{
    int &left = direction == TRALE_READABLE ? files[fd].bytes : files[fd].room;

    touch(fd, serial);
    if (left > 0)
        left--;
    else if (!files[fd].hung_up)
        return false;
    return true;
}

bool kernel::readable(int fd)
{
    step(false);
    return files[fd].bytes > 0;
}

void kernel::close(int fd)
{
    step();
    RL_ASSERT(!files[fd].watched_by);
    file &f = files[fd];
    f.serial++;
    f.bytes = f.room = 0;
    f.changed = f.hung_up = false;
    write(f.number, f.serial);
}

void kernel::time_passes(int64_t to)
{
    announce(&now, true);
    rl::ctx().sched();
    step();
    now = to;
    for (poller *p : waits)
        if (p && p->alarm <= now)
            end_wait(p);
}

} // namespace model

int poller_add(poller *p, int fd, void *tag)
{
    model::step();
    model::file &f = model::the_kernel->files[fd];
    RL_ASSERT(!f.watched_by);
    f.watched_by = p;
    f.tag = tag;
    f.changed = true;
    if (f.ready() != 0)
        model::end_wait(p);
    return 0;
}

void poller_remove(poller *p, int fd)
{
    model::step();
    model::file &f = model::the_kernel->files[fd];
    RL_ASSERT(f.watched_by == p);
    f.watched_by = nullptr;
}

int poller_set_alarm(poller *p, int64_t deadline)
{
    model::step();
    if (!model::the_kernel->alarms)
        return -EPERM;
    p->alarm = deadline;
    for (int i = 0; i < model::max_threads; i++)
        model::naps[i] |= model::the_kernel->waits[i] == p;
    if (deadline <= model::the_kernel->now)
        model::end_wait(p);
    return 0;
}

void poller_interrupt(poller *p)
{
    model::step();
    p->interrupted = true;
    model::end_wait(p);
}

/* What is there; an interrupt or an alarm is noticed by one that returns. */
static bool collect(poller *p, poller_event *events, int *count)
{
    model::kernel &k = *model::the_kernel;
    bool alarmed = p->alarm <= k.now, interrupted = p->interrupted;

    for (model::file &f : k.files)
        if (f.watched_by == p && f.changed && f.ready() != 0) {
            events[(*count)++] = {{f.tag}, f.ready()};
            f.changed = false;
        }
    if (alarmed)
        p->alarm = TRALE_NEVER;
    p->interrupted = false;
    return *count > 0 || alarmed || interrupted;
}

/* A time-out ends when nothing else is left to run; and so much time has passed, as when all wait for an
 * alarm. */
int poller_wait(poller *p, poller_event *events, int, int timeout_ms)
{
    const rl::thread_id_t own = rl::ctx().current_thread();
    model::kernel &k = *model::the_kernel;
    int count = 0;

    for (;;) {
        model::step();
        if (collect(p, events, &count) || timeout_ms == 0)
            return count;
        k.waits[own] = p;
        model::naps[own] = timeout_ms > 0 || p->alarm != TRALE_NEVER;
        model::sleep_on(&k.waits[own], RL_INFO);
        k.waits[own] = nullptr;
        if (!std::exchange(model::naps[own], false))
            continue;
        k.now = timeout_ms > 0 ? k.now + 1 : p->alarm;
        if (timeout_ms > 0)
            return count;
    }
}

/* The rest of what they include. */
#define BASE_CLOCK_H
#define BASE_BARRIER_H
#define CORE_POOL_H
#define CORE_PROCESS_H
#define CORE_THREAD_START_H

static int64_t clock_now()
{
    model::announce(&model::the_kernel->now, false);
    rl::ctx().sched();
    return model::the_kernel->now;
}

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

enum { QUEUED = 1, SENT = 2 };

bool claimed_waker::claim()
{
    announce(&word, true);
    return (word.cell.fetch_or(QUEUED, rl::mo_acq_rel, RL_INFO) & QUEUED) == 0;
}

void claimed_waker::deliver()
{
    announce(&word, true);
    word.cell.fetch_or(SENT, rl::mo_release, RL_INFO);
    wake_one(this, RL_INFO);
}

bool claimed_waker::is_woken()
{
    announce(&word, false);
    return word.cell.load(rl::mo_relaxed, RL_INFO) != 0;
}

void claimed_waker::park()
{
    announce(&word, true);
    rl::ctx().sched();
    while ((word.cell.debug_value() & SENT) == 0) {
        sleep_on(this, RL_INFO);
        announce(&word, true);
        rl::ctx().sched();
    }
    rl::preemption_disabler undisturbed(rl::ctx());
    word.cell.exchange(0, rl::mo_acq_rel, RL_INFO);
}

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

static int init(mutex *)
{
    return 0;
}

/* By thread: what it could not lock. */
static mutex *locked[max_threads];

/* Those where CLOSED stands in the line of an atomic operation, which is the site. */
static bool is_with_atomic(const char *function)
{
    return strcmp(function, "trale_close") == 0 || strcmp(function, "source_is_closed") == 0;
}

static bool try_lock(mutex *m)
{
    locked[rl::thread_index()] = m;
    return m->try_lock();
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

/* The reactor's thread: ended, and what it did is there to be seen. */
static void join()
{
    abort();
}

} // namespace model

#define pthread_mutex_t model::guarding_mutex
#define pthread_mutex_init(m, attributes) model::init(m)
#define pthread_mutex_lock(m) (STEP((m)->lock()), (m)->touch())
#define pthread_mutex_unlock(m) ((m)->touch(), STEP((m)->unlock()))
#define pthread_mutex_trylock(m) (model::try_lock(m) ? 0 : EBUSY)
#define pthread_mutex_destroy(m) (m)->destroy()
#define pthread_join(thread, result) model::join()
#define process_lock() pthread_mutex_lock(model::process_mutex)
#define process_unlock() pthread_mutex_unlock(model::process_mutex)
#define pool_leave(job) ((void)(job))
#define counter_add(counter, n) ((void)(n))
#define waker_claim(waker, batch) STEP(model::claim(waker, batch))
#define wake_batch_deliver(batch) STEP(model::deliver(batch))
#define poller_interrupt(p) STEP(poller_interrupt(p))
#define poller_remove(p, fd) STEP(poller_remove(p, fd))

#define list_init(head) STEP(list_init(head))
#define list_push_back(head, link) STEP(list_push_back(head, link))
#define list_remove(link) STEP(list_remove(link))
#define list_append(head, from) STEP(list_append(head, from))
#define reactor_remove(r, io) STEP(reactor_remove(r, io))
#define free(io) model::free_io(io)
#define close(fd) (model::the_kernel->close(fd), 0)
#define sched_yield() model::spin_while(io->word, UINT64_C(0xffff) << 16)
#undef SOURCE_TICK
#define SOURCE_TICK model::tick(STEP_TAKEN, __func__)
#undef SOURCE_CLOSED
#define SOURCE_CLOSED (model::is_with_atomic(__func__) || STEP_TAKEN ? UINT64_C(8) : UINT64_C(0))
#include "core/io_source.c"
#undef close
#undef free
#undef sched_yield
#undef reactor_remove

#include "base/pairing_heap.c"
#define __atomic_load_n(a, order) atomic_load_explicit(a, MODEL##order)
#define __atomic_store_n(a, value, order) atomic_store_explicit(a, value, MODEL##order)
#define MODEL__ATOMIC_ACQUIRE memory_order_acquire
#define MODEL__ATOMIC_RELEASE memory_order_release
#define heap_insert(heap, timer) STEP(heap_insert(heap, timer))
#define heap_remove(heap, timer) STEP(heap_remove(heap, timer))
#include "core/timer_queue.c"
#undef __atomic_load_n
#undef __atomic_store_n

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
    process_mutex = &process;
    atomic_init(&parked.queue.inbox.head, INBOX_PARKED);
    for (reactor &r : reactors) {
        r.poller = {};
        r.executors = &parked;
        r.count = 1;
        timer_queue_init(&r.timers, &r.poller);
        atomic_init(&r.baton.holder, (uint32_t)BATON_REACTOR);
        atomic_init(&r.stopping, false);
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

intptr_t with_reactors::attempt(const trale_io *io, void *operation, bool *)
{
    wish &w = *static_cast<wish *>(operation);

    w.tries++;
    read(container_of(io, open_io, io)->memory);
    return the_kernel->take(io->fd, 0, w.direction) ? 1 : -EAGAIN;
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
    w.linked = false;
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
