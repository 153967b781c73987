/*
 * Freezing: src/task/freeze.c, src/debug/walk.c and src/core/share.c as they are. Executors move
 * tasks between their lists, in sections; somebody freezes them and walks the lists, whose links
 * Relacy watches.
 *
 * The barrier of the kernel is the least that it may be: from then on the executor does not see
 * an older value of frozen. It orders no other memory.
 */
#include "sync.hpp"

#include <climits>
#include <cstdlib>

#include "base/list.h"

/* In place of the headers that walk.c includes. */
#define BASE_BARRIER_H
#define BASE_CLOCK_H
#define CORE_EXECUTOR_H
#define CORE_PROCESS_H
#define CORE_RUNTIME_H
#define TASK_FIBER_H
#define BASE_SPIN_H

#define trale_task walked_task
#define trale_future walked_future
#define trale_runtime walked_runtime
#define executor walked_executor

struct trale_runtime;
struct trale_future {
};

/* Who waits for the end of a section sleeps here, until the scenario says that it has ended. */
#include "task/freeze.h"
#define spin_relax() futex_wait(&f->busy, 1, -1)
#define section_end(f) ((section_end)(f), (futex_wake)(&(f)->busy))
#define futex_wake_all(word) STEP(futex_wake_all(word))
#include "task/freeze.c"
#undef futex_wake_all
#undef spin_relax

struct trale_task {
    trale_waker waker;
    trale_link link{&link, &link};
    bool ready, over;
    model::shared_int left; /* its future, as the poll left it */
};

struct run_queue {
    struct inbox inbox;
    trale_link ready, waiting;
    struct freeze freeze;
    _Atomic(trale_task *) polled;
};

/* Those in the library in miniature are of its tasks. */
#undef CORE_NEWCOMERS_H
#undef CORE_STEAL_QUEUE_H
#undef CORE_SHARE_H
#define pthread_mutex_t model::mutex
#define pthread_mutex_lock(m) STEP((m)->lock())
#define pthread_mutex_unlock(m) STEP((m)->unlock())
#define pthread_mutex_destroy(m) (m)->destroy()
#include "core/newcomers.h"
#include "core/share.h"
#include "core/steal_queue.h"

struct executor {
    run_queue queue;
    steal_queue spawned;
    struct share share;
    trale_runtime *runtime;
    unsigned number;
    trale_task janitor;
};

struct trale_runtime {
    struct newcomers newcomers;
    atomic_uint parked, thieves;
    unsigned count;
    struct executor executors[2];
};

#define for_each_executor(ex, rt) \
    for (struct executor *ex = (rt)->executors; ex < (rt)->executors + (rt)->count; ex++)

#include "debug/walk.h"

namespace model
{

static trale_runtime *the_runtime;
static bool (*issue)();

static found_task *room_for_tasks()
{
    static found_task tasks[64];

    return tasks;
}

/* No pause is due. */
static int64_t late()
{
    static int64_t now;

    return now += INT_MAX;
}

} // namespace model

/* One of them freezes at a time: the lock has nothing to do. */
#define process_lock() ((void)0)
#define process_unlock() ((void)0)

static trale_runtime *process_next(trale_runtime *rt)
{
    return rt ? nullptr : model::the_runtime;
}

static bool futex_wait(uint32_t *, uint32_t, int64_t)
{
    abort();
}

static const trale_future *task_future(const trale_task *)
{
    return nullptr;
}

static bool fiber_is_new(const trale_future *)
{
    return false;
}

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define clock_now() model::late()
#define realloc(tasks, size) model::room_for_tasks()
#define barrier_issue() (!STEP_TAKEN || model::issue())
#define freeze_begin(f) STEP(freeze_begin(f))
#define freeze_await(f) STEP(freeze_await(f))
#define freeze_end(f) STEP(freeze_end(f))
#include "debug/walk.c"
#undef realloc

/* The thread of each has its number. */
static struct executor *executor_current()
{
    return &model::the_runtime->executors[rl::thread_index()];
}

#define STEAL_MOST 2
#define PATIENCE 0
#define spin_relax() ((void)0)
#define counter_add(counter, n) ((void)(n))
#include "core/share.c"

namespace model
{
namespace
{

enum { FOUND_READY, FOUND_POLLED, FOUND_NEW, FOUND_TAKEN };

template <typename S, int executors, int threads, unsigned goals, unsigned preemptions>
struct with_frozen : suite<S, threads, goals, preemptions> {
    trale_runtime rt;
    trale_task tasks[executors][2];
    trale_task newcomers[STEAL_ROOM + 1];
    int waiting = 0; /* of those, from the start */

    with_frozen()
    {
        the_runtime = &rt;
        rt.count = executors;
        newcomers_init(&rt.newcomers);
        atomic_init(&rt.newcomers.count, (size_t)0);
        atomic_init(&rt.parked, 0u);
        atomic_init(&rt.thieves, 0u);
        issue = barrier;
        for (int i = 0; i < executors; i++)
            prepare(i);
        for (trale_task &t : newcomers) {
            atomic_init(&t.waker.state.word, STATE_QUEUED);
            t.ready = t.over = false;
            write(t.left, 0);
        }
    }
    void prepare(int i)
    {
        run_queue &q = queue(i);

        clear(rt.executors[i].spawned);
        rt.executors[i].share = {};
        rt.executors[i].runtime = &rt;
        rt.executors[i].number = i;
        atomic_init(&q.inbox.head, (uintptr_t)0);
        atomic_init(&q.freeze.busy, 0u);
        atomic_init(&q.freeze.frozen, 0u);
        atomic_init(&q.polled, (trale_task *)NULL);
        q.freeze.asymmetric = S::asymmetric >> i & 1;
        list_init(&q.ready);
        list_init(&q.waiting);
        for (trale_task &t : tasks[i]) {
            atomic_init(&t.waker.state.word, STATE_REFERENCE);
            list_push_back(&q.ready, &t.link);
            t.ready = true;
            write(t.left, 0);
        }
    }
    run_queue &queue(int i)
    {
        return rt.executors[i].queue;
    }
    /* On the processors of the executors: the thread of each has its number. */
    static bool barrier()
    {
        rl::context &c = rl::ctx();
        auto *self = static_cast<rl::aligned<rl::thread_info<threads>> *>(c.threadx_);

        for (int i = 0; i < executors; i++) {
            auto &frozen = the_runtime->executors[i].queue.freeze.frozen;
            announce(&frozen, true);
            c.sched();
            c.threadx_ = self - self->index_ + i;
            latest(frozen, RL_INFO);
            c.threadx_ = self;
        }
        return true;
    }
    trale_task *make_newcomer()
    {
        newcomers[0].ready = newcomers[0].over = false;
        list_init(&newcomers[0].link);
        write(newcomers[0].left, 0);
        return newcomers;
    }
    /* The first has spawned them. */
    void spawned_before(int n)
    {
        for (; waiting < n; waiting++)
            atomic_init(&rt.executors[0].spawned.slots[waiting], &newcomers[waiting]);
        atomic_init(&rt.executors[0].spawned.tail, (uint64_t)n);
    }
    /* poll_begin_in_section, in hand_over.h */
    trale_task *begin_in_section(run_queue &q)
    {
        trale_task *t = container_of((trale_link *)q.ready.next, trale_task, link);

        t->ready = false;
        list_remove(&t->link);
        list_push_back(&q.waiting, &t->link);
        atomic_store_explicit(&q.polled, t, memory_order_relaxed);
        return t;
    }
    void begin_poll(run_queue &q)
    {
        section_begin(&q.freeze);
        trale_task *t = begin_in_section(q);
        section_end(&q.freeze);
        model::write(t->left, 1);
    }
    /* hand_over, there */
    void hand_over(run_queue &q, bool yields)
    {
        section_begin(&q.freeze);
        if (yields)
            task_ready(q, q.polled.cell.debug_value());
        trale_task *t = begin_in_section(q);
        section_end(&q.freeze);
        model::write(t->left, 1);
    }
    void task_ready(run_queue &q, trale_task *t)
    {
        t->ready = true;
        list_remove(&t->link);
        list_push_back(&q.ready, &t->link);
    }
    /* The end of run: it waits, or is ready again. */
    void end_poll(run_queue &q, bool ready)
    {
        trale_task *t = q.polled.cell.debug_value();

        if (ready) {
            section_begin(&q.freeze);
            task_ready(q, t);
            section_end(&q.freeze);
        }
        atomic_store_explicit(&q.polled, (trale_task *)NULL, memory_order_release);
    }
    /* take_inbox, in executor.c */
    void take_inbox(run_queue &q)
    {
        section_begin(&q.freeze);
        for (trale_waker *w = inbox_take(&q.inbox); w; w = w->next) {
            task_ready(q, container_of(w, trale_task, waker));
        }
        section_end(&q.freeze);
    }
    /* take_newcomer, there */
    void take_newcomer(int i)
    {
        section_begin(&queue(i).freeze);
        if (trale_task *t = share_take(&rt.executors[i]))
            task_ready(queue(i), t);
        section_end(&queue(i).freeze);
    }
    void execute(int i)
    {
        begin_poll(queue(i));
        end_poll(queue(i), true);
    }
    /* Each of the tasks is found once, and one that comes once at most. Who only yields never
     * waits. */
    void look()
    {
        found f = {};
        int times[executors * 2] = {}, times_new[STEAL_ROOM + 1] = {};

        walk(&rt, &f);
        for (size_t k = 0; k < f.count; k++) {
            trale_task *t = f.tasks[k].task;
            bool is_new = newcomers <= t && t < std::end(newcomers);
            ++(is_new ? times_new[t - newcomers] : times[t - tasks[0]]);
            if (f.tasks[k].doing != DOING_RUNNING)
                read(t->left);
            RL_ASSERT(f.tasks[k].doing != DOING_WAITING || S::waits || is_new);
            reached(f.tasks[k].doing == DOING_NEW       ? FOUND_NEW
                    : f.tasks[k].doing == DOING_RUNNING ? FOUND_POLLED
                    : is_new                            ? FOUND_TAKEN
                                                        : FOUND_READY);
        }
        for (int n : times)
            RL_ASSERT(n == 1);
        for (int i = 0; i <= STEAL_ROOM; i++)
            RL_ASSERT(times_new[i] == 1 || (times_new[i] == 0 && i >= waiting));
    }
    void look_at_all()
    {
        RL_ASSERT(freeze_all());
        look();
        thaw_all();
    }
    void look_at_one()
    {
        RL_ASSERT(freeze_one(&rt.executors[0]));
        look();
        thaw_one(&rt.executors[0]);
    }
};

constexpr unsigned goals = 1 << FOUND_READY | 1 << FOUND_POLLED;

/* Frozen twice: the executor that waits may find itself frozen again. */
template <typename S, bool barrier> struct frozen_twice : with_frozen<S, 1, 2, goals, 4> {
    static constexpr unsigned asymmetric = barrier;
    static constexpr bool waits = false;

    void thread(unsigned index)
    {
        if (index == 0)
            return this->execute(0);
        this->look_at_one();
        this->look_at_one();
    }
};
struct twice_by_barrier : frozen_twice<twice_by_barrier, true> {
};
SCENARIO(twice_by_barrier, "freeze: an executor, frozen twice, by a barrier");
struct twice_without : frozen_twice<twice_without, false> {
};
SCENARIO(twice_without, "freeze: an executor, frozen twice, no barrier");

/* A dump: one by the barrier, the other without. */
struct both_kinds : with_frozen<both_kinds, 2, 3, goals, 2> {
    static constexpr unsigned asymmetric = 1;
    static constexpr bool waits = false;

    void thread(unsigned index)
    {
        index < 2 ? execute(index) : look_at_all();
    }
};
SCENARIO(both_kinds, "freeze: two executors, frozen together");

/* One hands over to the other: what it leaves is seen by way of the section. */
template <typename S, bool barrier> struct handed_over : with_frozen<S, 1, 2, goals, 4> {
    static constexpr unsigned asymmetric = barrier;
    static constexpr bool waits = true;

    void thread(unsigned index)
    {
        if (index == 1)
            return this->look_at_all();
        this->begin_poll(this->queue(0));
        this->hand_over(this->queue(0), true);
        this->hand_over(this->queue(0), false);
        this->end_poll(this->queue(0), false);
    }
};
struct handed_over_by_barrier : handed_over<handed_over_by_barrier, true> {
};
SCENARIO(handed_over_by_barrier, "freeze: hands over from poll to poll, frozen by a barrier");
struct handed_over_without : handed_over<handed_over_without, false> {
};
SCENARIO(handed_over_without, "freeze: hands over from poll to poll, no barrier");

/* What comes new stands in the inbox, then on the run queue. */
struct newcomer_comes : with_frozen<newcomer_comes, 1, 3, goals | 1 << FOUND_NEW, 3> {
    static constexpr unsigned asymmetric = 1;
    static constexpr bool waits = true;

    void thread(unsigned index)
    {
        if (index == 0) {
            begin_poll(queue(0));
            end_poll(queue(0), false);
            take_inbox(queue(0));
        } else if (index == 1) {
            look_at_all();
        } else {
            trale_waker *waker = &make_newcomer()->waker;

            inbox_push(&queue(0).inbox, waker, waker);
        }
    }
};
SCENARIO(newcomer_comes, "freeze: a new task comes, frozen by a barrier");

/* The same by way of the newcomers, to whom it may be added while they are walked. */
struct newcomer_is_taken : with_frozen<newcomer_is_taken, 1, 3,
                                       1 << FOUND_READY | 1 << FOUND_NEW | 1 << FOUND_TAKEN, 2> {
    static constexpr unsigned asymmetric = 1;
    static constexpr bool waits = false;

    void thread(unsigned index)
    {
        if (index == 0) {
            take_newcomer(0);
        } else if (index == 1) {
            look_at_all();
        } else {
            trale_task *task = make_newcomer();

            newcomers_begin_add(&rt.newcomers, &task, 1);
            newcomers_end_add(&rt.newcomers);
        }
    }
};
SCENARIO(newcomer_is_taken, "freeze: a newcomer is added and taken, frozen by a barrier");

/* One is left, one taken, and of those that the other executor takes one is kept: or less. */
struct spawned_are_taken : with_frozen<spawned_are_taken, 2, 3,
                                       1 << FOUND_READY | 1 << FOUND_NEW | 1 << FOUND_TAKEN, 2> {
    static constexpr unsigned asymmetric = 3;
    static constexpr bool waits = false;

    spawned_are_taken()
    {
        spawned_before(STEAL_ROOM);
    }
    void thread(unsigned index)
    {
        index < 2 ? take_newcomer(index) : look_at_all();
    }
};
SCENARIO(spawned_are_taken, "freeze: spawned tasks are taken, frozen by a barrier");

/* Whoever makes room moves them from one place to the other. */
struct spawns_too_many
    : with_frozen<spawns_too_many, 1, 2, 1 << FOUND_READY | 1 << FOUND_NEW, 3> {
    static constexpr unsigned asymmetric = 1;
    static constexpr bool waits = false;

    spawns_too_many()
    {
        spawned_before(STEAL_ROOM);
    }
    void thread(unsigned index)
    {
        index == 0 ? share_send(&rt, &newcomers[STEAL_ROOM]) : look_at_all();
    }
};
SCENARIO(spawns_too_many, "freeze: more are spawned than there is room for, by a barrier");

} // namespace
} // namespace model
