/* See kernel.hpp. */
#include "kernel.hpp"

namespace model
{

kernel *the_kernel;

constexpr unsigned final = 4; /* SOURCE_FINAL */

static void step(bool writes = true)
{
    announce(the_kernel, writes);
    rl::ctx().sched();
}

kernel::kernel()
{
    for (int i = 0; i < max_threads; i++) {
        waits[i] = nullptr;
        wait_ends[i] = TRALE_NEVER;
    }
}

unsigned file::reports() const
{
    if (hung_up)
        return TRALE_READABLE | TRALE_WRITABLE | final;
    return (bytes > 0 ? TRALE_READABLE : 0) |
           (room > 0 && watched_for_writing ? TRALE_WRITABLE : 0);
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
    if (f.watched_by && f.reports() != 0)
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

bool kernel::take(int fd, int serial, unsigned direction, bool *drained)
{
    int &left = direction == TRALE_READABLE ? files[fd].bytes : files[fd].room;

    touch(fd, serial);
    if (left > 0)
        left--;
    else if (!files[fd].hung_up)
        return false;
    *drained = left == 0;
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
    announce(&time_now, true);
    rl::ctx().sched();
    step();
    time_now = std::max(time_now, to);
    for (int i = 0; i < max_threads; i++)
        if (naps[i] && naps_until[i] <= time_now)
            wake_one(sleeps_on[i], RL_INFO);
}

void sleep_on_until(const void *object, int64_t until)
{
    const rl::thread_id_t own = rl::ctx().current_thread();

    naps[own] = until != TRALE_NEVER;
    naps_until[own] = until;
    sleep_on(object, RL_INFO);
    naps[own] = false;
}

enum { QUEUED = 1, SENT = 2 };

bool claimed_waker::claim()
{
    announce(&word, true);
    return (word.cell.fetch_or(QUEUED, rl::mo_acq_rel, RL_INFO) & QUEUED) == 0;
}

void claimed_waker::deliver()
{
    if (home) {
        delivered_by = rl::thread_index();
        if (inbox_push(home, this, this))
            inbox_wake(home);
        return;
    }
    announce(&word, true);
    word.cell.fetch_or(SENT, rl::mo_release, RL_INFO);
    if (deliveries) {
        delivered_at = read(*deliveries) + 1;
        delivered_by = rl::thread_index();
        write(*deliveries, delivered_at);
    }
    wake_one(this, RL_INFO);
}

bool claimed_waker::is_woken()
{
    announce(&word, false);
    return word.cell.load(rl::mo_relaxed, RL_INFO) != 0;
}

void claimed_waker::start()
{
    announce(&word, true);
    word.cell.exchange(0, rl::mo_acq_rel, RL_INFO);
}

void claimed_waker::park(int64_t until)
{
    announce(&word, true);
    rl::ctx().sched();
    while ((word.cell.debug_value() & SENT) == 0 && time_now < until) {
        sleep_on_until(this, until);
        announce(&word, true);
        rl::ctx().sched();
    }
    rl::preemption_disabler undisturbed(rl::ctx());
    if (word.cell.debug_value() & SENT)
        word.cell.exchange(0, rl::mo_acq_rel, RL_INFO);
}

} // namespace model

using model::the_kernel;

int64_t clock_now()
{
    model::announce(&model::time_now, false);
    rl::ctx().sched();
    return model::time_now;
}

static void watch(model::file &f, bool write)
{
    f.watched_for_writing = write;
    model::change(f);
}

int poller_add(poller *p, int fd, void *tag, bool write)
{
    model::step();
    model::file &f = the_kernel->files[fd];
    RL_ASSERT(!f.watched_by);
    f.watched_by = p;
    f.tag = tag;
    watch(f, write);
    return 0;
}

int poller_write(poller *p, int fd, void *tag)
{
    model::step();
    model::file &f = the_kernel->files[fd];
    RL_ASSERT(f.watched_by == p && f.tag == tag);
    watch(f, true);
    return 0;
}

int poller_remove(poller *p, int fd)
{
    model::step();
    model::file &f = the_kernel->files[fd];
    RL_ASSERT(f.watched_by == p);
    f.watched_by = nullptr;
    return 0;
}

static void nap_in_wait(int i)
{
    int64_t until = std::min(the_kernel->waits[i]->alarm, the_kernel->wait_ends[i]);

    model::naps[i] = until != TRALE_NEVER;
    model::naps_until[i] = until;
}

int poller_set_alarm(poller *p, int64_t deadline)
{
    model::step();
    if (!the_kernel->alarms)
        return -EPERM;
    the_kernel->alarms_set++;
    p->alarm = deadline;
    for (int i = 0; i < model::max_threads; i++)
        if (the_kernel->waits[i] == p)
            nap_in_wait(i);
    if (deadline <= model::time_now)
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
    bool alarmed = p->alarm <= model::time_now, interrupted = p->interrupted;

    for (model::file &f : the_kernel->files)
        if (f.watched_by == p && f.changed && f.reports() != 0) {
            events[(*count)++] = {{f.tag}, f.reports()};
            f.changed = false;
        }
    if (alarmed)
        p->alarm = TRALE_NEVER;
    p->interrupted = false;
    return *count > 0 || alarmed || interrupted;
}

int poller_wait(poller *p, poller_event *events, int, int timeout_ms)
{
    const rl::thread_id_t own = rl::ctx().current_thread();
    int64_t end = timeout_ms < 0 ? TRALE_NEVER : model::time_now + timeout_ms * TRALE_MS;
    model::kernel &k = *the_kernel;
    int count = 0;

    for (;;) {
        model::step();
        if (collect(p, events, &count) || model::time_now >= end)
            return count;
        k.waits[own] = p;
        k.wait_ends[own] = end;
        model::sleep_on_until(&k.waits[own], std::min(p->alarm, end));
        k.waits[own] = nullptr;
    }
}
