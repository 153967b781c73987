/* Operations that may wait, of every kind: as calls, as futures, and several together. */
#include <errno.h>
#include <string.h>

#include "calls.h"

/* A gate lets one through when it was opened; it keeps the waker of who waits, for as long as it
 * likes. */

struct gate_future {
    trale_future future;
    struct gate *gate;
};

static enum trale_poll gate_poll(trale_future *self, trale_context *cx)
{
    struct gate *gate = ((struct gate_future *)self)->gate;

    if (gate->open) {
        self->output = 0;
        return TRALE_READY;
    }
    trale_waker_drop(gate->waker);
    gate->waker = trale_waker_clone(trale_context_waker(cx));
    return TRALE_PENDING;
}

static void gate_init(struct gate_future *f, struct gate *gate)
{
    static const struct trale_future_ops ops = {gate_poll, NULL, "gate"};

    *f = (struct gate_future){{&ops, 0}, gate};
}

_Static_assert(sizeof(struct gate_future) <= sizeof(union futures), "there is room");

void open_gate(unsigned number)
{
    world.gates[number].open = true;
    trale_waker_wake(world.gates[number].waker);
}

/* One operation. */

/* What may be waited for at all, so that the end of the input can end it: who has a lock waits for
 * no other, and who is shielded for no task. */
static bool may_wait(const struct op *op, const struct actor *self)
{
    switch (op->kind) {
    case LOCK:
        return self->held == SIMPLE || (self->held == LOCK && self->held_object == op->object);
    case READ:
    case WRITE:
        return self->held == SIMPLE;
    case PASS:
        return !world.gates[op->object].used;
    case JOIN:
        return op->target && !is_shielded(self) && self->held == SIMPLE;
    default:
        return true;
    }
}

bool op_choose(struct op *op, struct actor *self, unsigned kind, unsigned argument)
{
    static const int64_t durations[] = {0, -5, 1, TRALE_US, SOON, 3 * SOON, 70 * SOON};

    *op = (struct op){.kind = kind % SIMPLE, .object = argument % OBJECTS, .actor = self};
    argument /= OBJECTS;
    if (op->kind == SEND)
        op->number = ++world.next_item;
    if (op->kind == ACQUIRE)
        op->number = 1 + argument % 3;
    if (op->kind == SLEEP)
        op->number = trale_now() + durations[argument % 7];
    if (op->kind == JOIN)
        op->target = actor_live(argument);
    if (!may_wait(op, self))
        return false;
    if (op->kind == PASS)
        world.gates[op->object].used = true;
    if (op->kind == JOIN) {
        op->number = op->target - world.actors;
        op->target->joining = true;
    }
    return true;
}

void op_forget(struct op *op)
{
    if (op->kind == PASS)
        world.gates[op->object].used = false;
    if (op->kind == JOIN)
        op->target->joining = false;
}

static void init_inner(union futures *f, struct op *op)
{
    unsigned i = op->object;

    switch (op->kind) {
    case SEND:
        return trale_channel_send_init(&f->send, world.channels[i].real, &op->number);
    case RECEIVE:
        return trale_channel_recv_init(&f->receive, world.channels[i].real, &op->item);
    case WAIT:
        return trale_event_wait_init(&f->wait, &world.events[i]);
    case LOCK:
        return trale_mutex_lock_init(&f->lock, &world.mutexes[i]);
    case ACQUIRE:
        return trale_semaphore_acquire_init(&f->acquire, &world.semaphores[i],
                                            (unsigned)op->number);
    case READ:
        return trale_rwlock_rdlock_init(&f->rwlock, &world.rwlocks[i]);
    case WRITE:
        return trale_rwlock_wrlock_init(&f->rwlock, &world.rwlocks[i]);
    case PASS:
        return gate_init((struct gate_future *)f, &world.gates[i]);
    case SLEEP:
        return trale_sleep_until_init(&f->sleep, op->number);
    case JOIN:
        return trale_join_init(&f->join, op->target->task, &op->value);
    default:
        return trale_oneshot_get_init(&f->get, &world.oneshots[i], &op->value);
    }
}

static intptr_t call(struct op *op)
{
    union futures f;
    unsigned i = op->object;

    switch (op->kind) {
    case SEND:
        return trale_channel_send(world.channels[i].real, &op->number);
    case RECEIVE:
        return trale_channel_recv(world.channels[i].real, &op->item);
    case WAIT:
        return trale_event_wait(&world.events[i]);
    case LOCK:
        return trale_mutex_lock(&world.mutexes[i]);
    case ACQUIRE:
        return trale_semaphore_acquire(&world.semaphores[i], (unsigned)op->number);
    case READ:
        return trale_rwlock_rdlock(&world.rwlocks[i]);
    case WRITE:
        return trale_rwlock_wrlock(&world.rwlocks[i]);
    case SLEEP:
        return trale_sleep_until(op->number);
    case JOIN:
        return trale_join(op->target->task, &op->value);
    case GET:
        return trale_oneshot_get(&world.oneshots[i], &op->value);
    default:
        init_inner(&f, op);
        return trale_await(&f.future);
    }
}

intptr_t op_call(struct op *op)
{
    unsigned before = verdict(op->actor);
    uint64_t progress;
    intptr_t result;

    say("  actor %d: kind %d of %u, %ld\n", (int)(op->actor - world.actors), op->kind, op->object,
        op->number);
    op_begins(op);
    progress = world.progress;
    result = call(op);
    op->actor->straight = world.progress == progress ? op->actor->straight : 0;
    if (result == -ECANCELED || result == -ETIMEDOUT || before != 0)
        note_result(op->actor, result, before);
    op_ends(op, result);
    return result;
}

/* The same as a future. */

static enum trale_poll spy_poll(trale_future *self, trale_context *cx)
{
    struct spy *spy = (struct spy *)self;

    must(!spy->op.over);
    world.progress++;
    if (spy->op.arrived == 0) {
        if (spy->op.actor->stage == NEW)
            spy->op.actor->stage = RUNNING;
        init_inner(&spy->inner, &spy->op);
        op_begins(&spy->op);
    }
    if (trale_future_poll(&spy->inner.future, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    self->output = spy->inner.future.output;
    op_ends(&spy->op, self->output);
    return TRALE_READY;
}

/* Withdrawn, but it may have taken effect. */
static void spy_drop_pending(struct spy *spy)
{
    spy->inner.future.output = spy->future.output;
    trale_future_drop(&spy->inner.future);
    spy->future.output = spy->inner.future.output;
    if (spy->future.output >= 0)
        op_ends(&spy->op, spy->future.output);
    else
        op_withdrawn(&spy->op, spy->future.output);
}

static void spy_drop(trale_future *self)
{
    struct spy *spy = (struct spy *)self;
    struct actor *a = spy->op.actor;

    if (spy->op.over)
        trale_future_drop(&spy->inner.future);
    else if (spy->op.arrived != 0)
        spy_drop_pending(spy);
    else
        op_forget(&spy->op);
    if (!spy->dropped)
        return;
    must(!*spy->dropped && a->stackless);
    *spy->dropped = true;
    must(spy->op.over || self->output == -ECANCELED);
    must(self->output != -ECANCELED || a->cancelled);
    a->result = self->output;
    a->stage = ENDED;
    world.progress++;
}

void spy_init(struct spy *spy, const struct op *op)
{
    static const struct trale_future_ops ops = {spy_poll, spy_drop, "spy"};

    *spy = (struct spy){.future = {.ops = &ops}, .op = *op};
}

/* Several together. */

static unsigned choose_arms(struct spy *arms, struct actor *self, unsigned argument, bool all)
{
    unsigned count = 1 + argument % ARMS, made = 0;
    bool locks = false;

    while (count-- > 0) {
        struct op op;
        unsigned kind = next_byte(), object = next_byte();
        bool lock;

        if (!op_choose(&op, self, kind, object))
            continue;
        lock = op.kind == LOCK || op.kind == READ || op.kind == WRITE;
        if (lock && (all || locks)) {
            op_forget(&op);
            continue;
        }
        locks = locks || lock;
        op.several = true;
        spy_init(&arms[made++], &op);
        say("      arm: kind %d of %u, %ld\n", op.kind, op.object, op.number);
    }
    return made;
}

static void check_select(const struct spy *arms, unsigned count, int result)
{
    must(result < (int)count && (result >= 0 || result == -ECANCELED || result == -ETIMEDOUT));
    for (unsigned i = 0; i < count; i++)
        must(arms[i].op.effect == ((int)i == result));
}

static void check_all(const struct spy *arms, unsigned count, int result)
{
    for (unsigned i = 0; i < count; i++)
        must(arms[i].op.effect || result < 0);
}

void do_several(struct actor *self, unsigned argument, bool all)
{
    struct spy arms[ARMS];
    trale_future *futures[ARMS];
    unsigned count = choose_arms(arms, self, argument, all), before = verdict(self);
    int result;

    say("  actor %d: %s of %u\n", (int)(self - world.actors), all ? "all" : "one", count);
    for (unsigned i = 0; i < count; i++)
        futures[i] = &arms[i].future;
    if (count == 0)
        return;
    result = all ? trale_join_all(futures, count) : trale_select(futures, count);
    say("    gives %d\n", result);
    if (result == -ECANCELED || result == -ETIMEDOUT || before != 0)
        note_result(self, result, before);
    if (all)
        check_all(arms, count, result);
    else
        check_select(arms, count, result);
}
