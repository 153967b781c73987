#include "core/share.h"

#include "base/lots.h"
#include "base/spin.h"
#include "core/runtime.h"

#ifndef STEAL_MOST
#define STEAL_MOST 32 /* tasks that are taken at once */
#endif
#ifndef PATIENCE
#define PATIENCE 32 /* looks at a lone task of another executor, before it is taken */
#endif

/* One that is parked. */
static void kick_one(trale_runtime *rt)
{
    for_each_executor(ex, rt)
        if (inbox_kick(&ex->queue.inbox))
            return;
}

/* Sequentially consistent: pairs with share_begin_idle. */
static void kick_parked(trale_runtime *rt)
{
    if (atomic_load_explicit(&rt->parked, memory_order_seq_cst) > 0)
        kick_one(rt);
}

/* Likewise. */
static void kick_thief(trale_runtime *rt)
{
    if (atomic_load_explicit(&rt->thieves, memory_order_seq_cst) > 0)
        kick_one(rt);
}

static void add_outside(trale_runtime *rt, trale_task *const *tasks, unsigned count)
{
    newcomers_begin_add(&rt->newcomers, tasks, count);
    kick_parked(rt);
    newcomers_end_add(&rt->newcomers);
}

/* Half of what is there goes where everybody looks, once for many. In a section: on their way they
 * stand nowhere. */
static void make_room(struct executor *ex)
{
    trale_task *tasks[STEAL_ROOM / 2];

    section_begin(&ex->queue.freeze);
    add_outside(ex->runtime, tasks, steal_take(&ex->spawned, tasks, STEAL_ROOM / 2));
    section_end(&ex->queue.freeze);
}

void share_send(trale_runtime *rt, trale_task *task)
{
    struct executor *ex = executor_current();

    if (!ex || ex->runtime != rt || lots_draw(4) == 1) {
        add_outside(rt, &task, 1);
        return;
    }
    while (!steal_push(&ex->spawned, task))
        make_room(ex);
    kick_thief(rt);
}

/* The first is returned; the others are ours to start too, unless somebody is idle. */
static trale_task *keep(struct executor *ex, trale_task *const *tasks, unsigned count)
{
    for (unsigned i = 1; i < count; i++)
        steal_push(&ex->spawned, tasks[i]); /* there is room, see who calls */
    if (count > 1)
        kick_thief(ex->runtime);
    return count > 0 ? tasks[0] : NULL;
}

static trale_task *take_own(struct executor *ex)
{
    trale_task *task;

    return steal_take(&ex->spawned, &task, 1) > 0 ? task : NULL;
}

/* Half of the room stays free, for what is spawned here. */
static trale_task *take_outside(struct executor *ex)
{
    unsigned most = steal_count(&ex->spawned) > STEAL_ROOM / 2 - STEAL_MOST ? 1 : STEAL_MOST;
    trale_task *tasks[STEAL_MOST];

    return keep(ex, tasks,
                newcomers_take(&ex->runtime->newcomers, tasks, most, ex->runtime->count));
}

/* Its executor may be about to take the only one there is, and is quicker. */
static bool is_worth_stealing(const struct steal_queue *q)
{
    uint64_t head = atomic_load_explicit(&q->head, memory_order_relaxed);

    for (int i = 0; i < PATIENCE && steal_count(q) == 1; i++)
        spin_relax();
    return steal_count(q) > 1 || head == atomic_load_explicit(&q->head, memory_order_relaxed);
}

/* The neighbours first that have higher numbers, so that not all come to the same one. */
static trale_task *steal(struct executor *ex)
{
    trale_runtime *rt = ex->runtime;
    trale_task *tasks[STEAL_MOST];
    unsigned count = 0;

    for (unsigned i = 1; i < rt->count && count == 0; i++) {
        struct steal_queue *q = &rt->executors[(ex->number + i) % rt->count].spawned;

        if (steal_count(q) == 0)
            continue;
        if (is_worth_stealing(q))
            count = steal_take(q, tasks, STEAL_MOST);
        else
            ex->share.vain = true;
    }
    counter_add(&ex->counts.stolen, count);
    return keep(ex, tasks, count);
}

bool share_has(const struct executor *ex)
{
    trale_runtime *rt = ex->runtime;

    if (rt->count == 1)
        return false;
    if (newcomers_wait(&rt->newcomers) || steal_count(&ex->spawned) > 0)
        return true;
    if (!ex->share.vain)
        for_each_executor(other, rt)
            if (steal_count(&other->spawned) > 0)
                return true;
    return false;
}

/* It has something to do. What it may have been kicked for may still be there, and another executor
 * sleep. */
static void busy(struct executor *ex, bool took)
{
    struct share *s = &ex->share;

    if (s->woken && share_has(ex))
        kick_parked(ex->runtime);
    if (s->kicked && took)
        s->quiet /= 2;
    s->vain = s->kicked = false;
}

trale_task *share_take(struct executor *ex)
{
    struct share *s = &ex->share;
    bool outside = s->outside != (lots_draw(2) == 1);
    trale_task *task = outside ? take_outside(ex) : NULL;

    s->outside = false;
    if (!task) {
        task = take_own(ex);
        s->outside = task != NULL;
    }
    if (!task)
        task = take_outside(ex);
    if (!task && (list_empty(&ex->queue.ready) || lots_draw(8) == 1))
        task = steal(ex);
    if (task || !list_empty(&ex->queue.ready))
        busy(ex, task);
    s->vain = s->vain || s->kicked;
    s->woken = s->kicked = false;
    return task;
}

/* How long to leave the others in peace this time. */
static int64_t next_quiet(struct share *s)
{
    s->quiet = 2 * s->quiet;
    if (s->quiet < QUIET_MIN_NS)
        s->quiet = QUIET_MIN_NS;
    if (s->quiet > QUIET_MAX_NS)
        s->quiet = QUIET_MAX_NS;
    return s->quiet;
}

int64_t share_begin_idle(struct executor *ex)
{
    trale_runtime *rt = ex->runtime;

    if (rt->count == 1)
        return 0;
    /* Sequentially consistent: what is added is announced before these are looked at, and what was
     * is looked for after this. */
    atomic_fetch_add_explicit(&rt->parked, 1, memory_order_seq_cst);
    if (ex->share.vain)
        return next_quiet(&ex->share);
    atomic_fetch_add_explicit(&rt->thieves, 1, memory_order_seq_cst);
    return 0;
}

/* Relaxed: who finds it late finds nobody to kick. */
void share_end_idle(struct executor *ex, int64_t quiet, bool slept)
{
    trale_runtime *rt = ex->runtime;

    if (rt->count == 1)
        return;
    atomic_fetch_sub_explicit(&rt->parked, 1, memory_order_relaxed);
    if (quiet == 0)
        atomic_fetch_sub_explicit(&rt->thieves, 1, memory_order_relaxed);
    ex->share.woken = true;
    ex->share.kicked = slept && !inbox_filled(&ex->queue.inbox);
    ex->share.vain = false;
}
