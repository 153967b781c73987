/* Who acts: racers, and bosses that spawn them, cancel some, and join them all. */
#include <errno.h>

#include "soak.h"

enum { BATCH = 16 };

atomic_bool round_over;

typedef void act_function(struct actor *a);

/* Those that need no time come first, and of these those that spawn nothing. */
static act_function *const acts[] = {
    act_lock,        act_trylock,  act_acquire,   act_read_lock,   act_write_lock, act_wait,
    act_notify,      act_notify,   act_condition, act_barrier,     act_send,       act_receive,
    act_try_channel, act_select,   act_broadcast, act_watch,       act_yield,      act_join_all,
    act_child,       act_block_on, act_group,     act_own_channel, act_sleep,      act_interval,
    act_deadline,    act_record,   act_datagram,  act_blocking,    act_stream,     act_close,
    act_connect,
};
enum { ALONE = 18, TIMELESS = 22, ALL = sizeof acts / sizeof *acts };

/* Alone, or also asleep or on a record. */
static unsigned choose(struct actor *a)
{
    if (a->timeless)
        return draw(a, TIMELESS);
    if (!a->doomed)
        return draw(a, ALL);
    return draw(a, 2) ? draw(a, ALONE) : TIMELESS + draw(a, 5);
}

static int64_t choose_deadline(struct actor *a)
{
    if (a->timeless)
        return chance(a, 8) ? 0 : TRALE_NEVER;
    return trale_now() + draw(a, 400) * TRALE_US;
}

void act(struct actor *a)
{
    trale_scope scope;
    unsigned which;

    a->deadline = choose_deadline(a);
    which = choose(a);
    trace(a, which);
    left(SCOPES, 1);
    trale_scope_enter(&scope, a->deadline);
    acts[which](a);
    trale_scope_leave(&scope);
    right(SCOPES, 1);
}

static intptr_t race(void *arg)
{
    struct actor *a = arg;

    for (uint32_t n = 1 + draw(a, 6); n > 0 && !trale_cancelled(); n--)
        act(a);
    right(FIBERS, 1);
    return 7;
}

/* One task of a batch. */
struct slot {
    trale_task *task;
    bool is_fiber;
    struct stackless stackless;
    struct actor actor;
};

static void spawn_racer(struct actor *boss, struct slot *slot, const trale_spawn_options *options)
{
    *slot = (struct slot){.is_fiber = draw(boss, 3) > 0, .actor = *boss};
    slot->actor.random ^= (uint64_t)draw(boss, UINT32_MAX) << 16;
    slot->actor.random |= 1;
    slot->actor.id = draw(boss, 1u << 30);
    if (!slot->is_fiber) {
        must(spawn_stackless(boss, &slot->stackless, &slot->task, options) == 0);
        return;
    }
    left(FIBERS, 1);
    must(trale_spawn_with(&slot->task, options, race, &slot->actor) == 0);
}

static void end_racer(struct actor *boss, struct slot *slot)
{
    intptr_t result = join_always(slot->task);

    if (!slot->is_fiber) {
        end_stackless(boss, &slot->stackless, result);
        return;
    }
    trace(boss, result);
    must(result == 7 || result == -ECANCELED);
    right(FIBERS, result != 7);
    tally(UNBEGUN, result != 7);
}

static void let_them_race(struct actor *a)
{
    if (a->timeless || chance(a, 2)) {
        for (uint32_t n = draw(a, 32); n > 0; n--)
            trale_yield();
        return;
    }
    trale_sleep(draw(a, 500) * TRALE_US);
}

/* Those that nothing else may end are all cancelled; of the others half. */
static void run_batch(struct actor *boss)
{
    struct slot slots[BATCH];

    for (int i = 0; i < BATCH; i++) {
        trale_spawn_options options = anywhere(boss);

        spawn_racer(boss, &slots[i], &options);
    }
    let_them_race(boss);
    for (int i = 0; i < BATCH; i++) {
        if (slots[i].is_fiber && !boss->timeless && chance(boss, 2))
            continue;
        trale_cancel(slots[i].task);
        tally(CANCELS, 1);
    }
    for (int i = 0; i < BATCH; i++)
        end_racer(boss, &slots[i]);
}

intptr_t be_boss(void *arg)
{
    struct boss *boss = arg;

    for (uint32_t n = 1; !atomic_load(&round_over); n++) {
        run_batch(&boss->actor);
        if (n == boss->batches)
            break;
    }
    return 0;
}

/* A runtime that comes and goes, with what is in it; its handles outlive it. */
void have_runtime(struct actor *a)
{
    trale_config config = {.executors = 1 + draw(a, 3)};
    trale_spawn_options options = {0};
    struct slot slots[BATCH];
    struct actor doomed = *a;

    must(trale_runtime_new(&options.runtime, &config) == 0);
    left(RUNTIMES, 1);
    doomed.doomed = true;
    for (int i = 0; i < BATCH; i++)
        spawn_racer(&doomed, &slots[i], &options);
    a->random = doomed.random;
    if (chance(a, 2))
        trale_sleep(draw(a, 1000) * TRALE_US);
    must(trale_runtime_free(options.runtime, TRALE_NEVER) == 0);
    right(RUNTIMES, 1);
    for (int i = 0; i < BATCH; i++)
        end_racer(a, &slots[i]);
}
