/*
 * The library in miniature: what stands around the transitions in src/task/{waker,task,join}.c and
 * src/core/{executor,runtime}.c, as thin as it can be. Each function names what it mirrors. The
 * headers that it includes are the library's own, and share.cpp compiles src/core/share.c.
 *
 * Left out: fibers (a task that yields says so), the list of waiting tasks, spinning, the janitor.
 *
 * Plain memory that threads hand to each other is rl::var: Relacy reports an access that does not
 * happen after the one before. node::chain stands for waker->next, node::memory for every other
 * field: read by whoever uses the task, written by free.
 */
#ifndef MODEL_LIBRARY_HPP
#define MODEL_LIBRARY_HPP

#include "stdatomic.h"
#include "base/futex.h"

#include <pthread.h>

#include "base/parker.h"
#include "core/baton.h"
#include "task/inbox.h"
#include "task/pushers.h"
#include "task/task_state.h"

/* offsetof of what is not of standard layout: one base, no virtual functions, gcc and clang do
 * it. */
#pragma GCC diagnostic ignored "-Winvalid-offsetof"

#include "plain.hpp"

/* In place of <trale/base.h>. */
#define TRALE_BASE_H

struct trale_link {
    model::plain<trale_link *> next, prev;
};

namespace model
{

/* What a future looks at, and who wakes it sets before: relaxed, so that only the wake orders it. */
class flag
{
    rl::atomic<int> cell;

  public:
    flag()
    {
        rl::preemption_disabler undisturbed(rl::ctx());
        cell.store(0, rl::mo_relaxed, RL_INFO);
    }
    void set(rl::memory_order order = rl::mo_relaxed)
    {
        announce(this, true);
        cell.store(1, order, RL_INFO);
    }
    bool is_set(rl::memory_order order = rl::mo_relaxed)
    {
        announce(this, false);
        return cell.load(order, RL_INFO) != 0;
    }
};

/* What begins every task and every thread's waker. */
struct node : trale_waker {
    shared_int chain, memory;

    explicit node(uint64_t word)
    {
        atomic_init(&state.word, word);
        next = NULL;
        write(chain, 0);
        write(memory, 0);
    }
};

inline node *as_node(trale_waker *waker)
{
    return static_cast<node *>(waker);
}

/* Memory for one object. A second free, or a use after it, is found by what the object holds. */
template <typename T> class block
{
    alignas(T) char bytes[sizeof(T)];
    bool used = false;

  public:
    template <typename... A> T *make(A... arguments)
    {
        used = true;
        return ::new (bytes) T(arguments...);
    }
    T *get()
    {
        return reinterpret_cast<T *>(bytes);
    }
    T *operator->()
    {
        return get();
    }
    void free()
    {
        RL_ASSERT(used);
        write(get()->chain, -1);
        write(get()->memory, -1);
        get()->~T();
        used = false;
    }
    bool is_freed() const
    {
        return !used;
    }
};

struct thread_waker : node { /* waker.c */
    struct parker parker;
    block<thread_waker> *home;

    explicit thread_waker(block<thread_waker> *b, int references)
        : node(STATE_THREAD | references * STATE_REFERENCE), home(b)
    {
        atomic_init(&parker.word, PARKER_EMPTY);
    }
};

struct executor;
struct task;
enum verdict { PENDING, YIELDED, READY };
constexpr int CANCELED = -125;

/* A future's poll; its output is 42. */
using poll_function = verdict(task &);

struct task : node {
    trale_link link{&link, &link}; /* with the newcomers only */
    shared_int result;
    rl::var<trale_waker *> joiner;
    plain<executor *> home;
    block<task> *home_block;
    poll_function *poll;
    void (*drop)(task &) = nullptr;
    void *scenario;
    int polls = 0, ends = 0;
    bool ready = false;   /* stands on the run queue, or is over */
    bool arrived = false; /* QUEUED, and was taken from the inbox */
    bool over = false;
    bool joined_here = false; /* the joiner is borrowed */

    task(block<task> *b, executor *ex, poll_function *f, void *s, uint64_t word);
};

struct wake_batch {
    trale_waker *newest, *oldest;
};

/* By thread: this_thread.queue. */
extern executor *this_executor[max_threads];

void waker_claim(trale_waker *waker, wake_batch *batch);
void wake_batch_deliver(wake_batch *batch);
void waker_wake(trale_waker *waker);
trale_waker *waker_clone(trale_waker *waker);
void waker_drop(trale_waker *waker);
void thread_waker_release(thread_waker *t);
void thread_park(thread_waker *t);
void thread_nap(thread_waker *t);

void task_ready(task *t);
void task_release(task *t);
bool task_run(task *t);
void task_cancel(task *t);

/* join.c */
struct join_future {
    task *joined;
    bool armed = false;
    int result = 0;
    bool call = false; /* of a fiber, on the executor that ends the task */

    bool poll(trale_waker *waker); /* true: the result is there, the handle is gone */
    void drop();
    void wait(thread_waker *thread); /* trale_join on a plain thread */

  private:
    bool disarm();
    bool arm(trale_waker *waker);
};

} // namespace model

#include "base/list.h"
#include <pthread.h>

/* As they are; of a task they want the link. */
#define TASK_TASK_H
#define TRALE_TASK_H
#define STEAL_ROOM 4
#define _Alignas(n)
#define trale_task task
#define trale_runtime runtime
#define pthread_mutex_t model::mutex
#undef PTHREAD_MUTEX_INITIALIZER
#define PTHREAD_MUTEX_INITIALIZER model::mutex()
#define pthread_mutex_lock(m) STEP((m)->lock())
#define pthread_mutex_unlock(m) STEP((m)->unlock())
#define pthread_mutex_destroy(m) (m)->destroy()
namespace model
{
struct runtime;
#include "core/newcomers.h"
#include "core/steal_queue.h"
#include "core/share.h"
} // namespace model
#undef trale_task
#undef trale_runtime
#undef pthread_mutex_t
#undef pthread_mutex_lock
#undef pthread_mutex_unlock
#undef pthread_mutex_destroy

namespace model
{

/* Before anybody sees it. */
template <typename Q> void clear(Q &q)
{
    atomic_init(&q.head, (uint64_t)0);
    atomic_init(&q.tail, (uint64_t)0);
}

/* First in, first out; and at the front. */
class ready_list
{
    task *tasks[16];
    unsigned first = 0, last = 0;

  public:
    unsigned count() const
    {
        return last - first;
    }
    void push_back(task *t)
    {
        tasks[last++ % 16] = t;
    }
    void push_front(task *t)
    {
        tasks[--first % 16] = t;
    }
    task *pop()
    {
        return tasks[first++ % 16];
    }
};

inline bool list_empty(const ready_list *r)
{
    return r->count() == 0;
}

struct executor_queue {
    struct inbox inbox;
    struct pushers pushers;
    ready_list ready;
};

/* executor.c; the loop ends when its tasks have ended, or those of the runtime. */
struct executor {
    executor_queue queue;
    struct steal_queue spawned;
    struct share share = {};
    struct runtime *runtime = nullptr; /* NULL: there is no other executor */
    unsigned number = 0;
    int tasks = 0, expected = 0;
    bool stop_wanted = false;
    bool is_inline = false; /* it parks in sleep, and interrupt calls it out of there */

    executor()
    {
        atomic_init(&queue.inbox.head, (uintptr_t)0);
        atomic_init(&queue.pushers.count, 0u);
    }
    virtual ~executor() = default;
    void run();
    void enqueue(task *t);
    void take_inbox();
    void await_expected();
    void leave();
    virtual bool look_around() /* true: there is work */
    {
        return false;
    }
    virtual void sleep() /* the same */
    {
        inbox_wait(&queue.inbox);
    }
    virtual void interrupt()
    {
    }
    virtual void nap(int64_t timeout)
    {
        inbox_nap(&queue.inbox, timeout);
    }
    virtual void left() /* with the mark on its inbox */
    {
    }
    bool has_work();
    void cancel(task *t);
    void stop();

  private:
    bool stopping = false;

    bool is_over();
    bool take_newcomer();
    void run_first();
    void run_some();
    bool arrive(task *t);
    void park();
};

/* A poll that takes until something happens elsewhere; one waits for it. */
class happening
{
    bool happened = false;

  public:
    void set()
    {
        announce(this, true);
        rl::ctx().sched();
        happened = true;
        wake_one(this, RL_INFO);
    }
    void wait()
    {
        announce(this, true);
        rl::ctx().sched();
        if (!happened)
            sleep_on(this, RL_INFO);
    }
};

/* With several executors, numbered as their threads. It ends with its last task. */
struct runtime {
    struct newcomers newcomers;
    atomic_uint parked, thieves;
    unsigned count;
    struct {
        executor *first[max_threads];
        executor &operator[](unsigned i) const
        {
            return *first[i];
        }
    } executors;
    int tasks = 0; /* that are to end, also those to come */

    runtime(std::initializer_list<executor *> all);
    void stop();
    bool is_counted() const;
    void destroy(); /* once all have left */
};

/* A task that was just spawned: in the inbox of its executor. */
void spawn(block<task> &b, executor &ex, poll_function *poll, void *scenario, int references);

/* The same, on the executor's own thread, by one of its tasks; and in two steps, between which others
 * may come to know it. */
void spawn_here(block<task> &b, executor &ex, poll_function *poll, void *scenario,
                int references);
task *prepare_here(block<task> &b, executor &ex, poll_function *poll, void *scenario,
                   int references);
void submit_here(task *t);

/* A task that was polled before, and waits. */
void spawn_waiting(block<task> &b, executor &ex, poll_function *poll, void *scenario,
                   int references);

/* A new task, not sent yet. */
task *prepare(block<task> &b, runtime &rt, poll_function *poll, void *scenario, int references);

} // namespace model

#endif
