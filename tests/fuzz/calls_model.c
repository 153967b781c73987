/* What must hold: the state of every object, and what a call may return in it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"

struct world world;
struct op *flying[FLYING];
unsigned flying_count;

void broken(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: must hold: %s\n", file, line, what);
    abort();
}

void say(const char *format, ...)
{
    static int traced = -1;
    va_list arguments;

    if (traced < 0)
        traced = getenv("CALLS_TRACE") != NULL;
    if (!traced)
        return;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

/* Cancels and deadlines. */

bool is_shielded(const struct actor *a)
{
    for (unsigned i = 0; i < a->depth; i++)
        if (a->scopes[i].shielded)
            return true;
    return false;
}

/* The scope whose deadline counts: the nearest, and of equal ones the outermost. */
static struct scope *nearest(struct actor *a)
{
    struct scope *found = NULL;

    for (unsigned i = a->depth; i-- > 0;) {
        if (!found || a->scopes[i].deadline <= found->deadline)
            found = &a->scopes[i];
        if (a->scopes[i].shielded)
            break;
    }
    return found;
}

unsigned verdict(const struct actor *a)
{
    const struct scope *scope = nearest((struct actor *)a);
    bool late = scope && scope->deadline != TRALE_NEVER && scope->deadline <= trale_now();

    return (a->cancelled && !is_shielded(a) ? CANCELLED : 0) | (late ? TIMED_OUT : 0);
}

/* Whoever waits for it may have been stopped, and so have cancelled it. */
static bool may_be_cancelled(const struct actor *a)
{
    if (a->cancelled)
        return true;
    return a->parent && a->parent->parent_waits && may_end(a->parent) != 0;
}

unsigned may_end(const struct actor *a)
{
    bool cancelled = may_be_cancelled(a) && !is_shielded(a);

    return (verdict(a) & TIMED_OUT) | (cancelled ? CANCELLED : 0);
}

/* before: the verdict when the call began. */
void note_result(struct actor *a, intptr_t result, unsigned before)
{
    struct scope *scope = nearest(a);

    if (before & CANCELLED)
        must(result == -ECANCELED);
    else if (before & TIMED_OUT)
        must(result == -ETIMEDOUT || (result == -ECANCELED && may_be_cancelled(a)));
    if (result == -ECANCELED) {
        must(may_end(a) & CANCELLED);
        a->cancelled = true;
    }
    if (result == -ETIMEDOUT) {
        must(may_end(a) & TIMED_OUT);
        scope->cut = true;
    }
}

void cancel_members(struct actor *parent, enum kind kind)
{
    if (kind == MEMBERS)
        parent->group_cancelled = true;
    for (unsigned i = 0; i < ACTORS; i++) {
        struct actor *a = &world.actors[i];

        if (a->stage != FREE && a->parent == parent && a->parent_kind == kind)
            a->cancelled = true;
    }
}

/* Channels. */

static bool take_out(long *items, size_t *count, long item)
{
    for (size_t i = 0; i < *count; i++)
        if (items[i] == item) {
            memmove(&items[i], &items[i + 1], (*count - i - 1) * sizeof *items);
            --*count;
            return true;
        }
    return false;
}

static bool is_offered(const struct channel *c, long item)
{
    for (unsigned i = 0; i < flying_count; i++)
        if (flying[i]->kind == SEND && &world.channels[flying[i]->object] == c &&
            flying[i]->number == item)
            return true;
    return false;
}

void send_item(struct channel *c, long item)
{
    if (c->capacity > 0) {
        must(!c->closed && c->count < c->capacity);
        c->items[c->count++] = item;
    } else if (!take_out(c->taken, &c->taken_count, item)) {
        must(c->sent_count < sizeof c->sent / sizeof *c->sent);
        c->sent[c->sent_count++] = item;
    }
}

/* Handed over, it is taken once: from who has returned, or still offers it. */
void check_received(struct channel *c, long item)
{
    if (c->capacity > 0) {
        must(c->count > 0 && c->items[0] == item);
        take_out(c->items, &c->count, item);
    } else if (!take_out(c->sent, &c->sent_count, item)) {
        must(is_offered(c, item));
        for (size_t i = 0; i < c->taken_count; i++)
            must(c->taken[i] != item);
        must(c->taken_count < sizeof c->taken / sizeof *c->taken);
        c->taken[c->taken_count++] = item;
    }
}

static bool is_taken(const struct channel *c, long item)
{
    for (size_t i = 0; i < c->taken_count; i++)
        if (c->taken[i] == item)
            return true;
    return false;
}

/* Could it take effect now? */

static bool is_oldest(const struct op *op)
{
    for (unsigned i = 0; i < flying_count && flying[i] != op; i++) {
        const struct op *other = flying[i];
        bool same = other->kind == op->kind || (other->kind == READ && op->kind == WRITE) ||
                    (other->kind == WRITE && op->kind == READ);

        if (same && other->object == op->object)
            return false;
    }
    return true;
}

static bool meets_somebody(const struct op *op)
{
    enum kind other = op->kind == SEND ? RECEIVE : SEND;

    for (unsigned i = 0; i < flying_count; i++)
        if (flying[i]->kind == other && flying[i]->object == op->object &&
            flying[i]->actor != op->actor)
            return true;
    return false;
}

static bool channel_enabled(const struct op *op)
{
    const struct channel *c = &world.channels[op->object];

    if (c->closed)
        return true;
    if (c->capacity == 0)
        return meets_somebody(op);
    return op->kind == SEND ? c->count < c->capacity : c->count > 0;
}

static bool has_ended(const struct actor *a)
{
    return a->stage == ENDED;
}

static bool members_ended(const struct actor *parent)
{
    for (unsigned i = 0; i < ACTORS; i++) {
        const struct actor *a = &world.actors[i];

        if (a->stage != FREE && a->parent == parent && a->parent_kind == MEMBERS && !has_ended(a))
            return false;
    }
    return true;
}

bool op_enabled(const struct op *op)
{
    unsigned i = op->object;

    switch (op->kind) {
    case SEND:
    case RECEIVE:
        return channel_enabled(op);
    case WAIT:
        return world.notified[i] > 0;
    case LOCK:
        return !world.owner[i] || world.owner[i] == op->actor;
    case ACQUIRE:
        return world.permits[i] >= op->number && is_oldest(op);
    case READ:
        return !world.written[i] && is_oldest(op);
    case WRITE:
        return !world.written[i] && world.readers[i] == 0 && is_oldest(op);
    case PASS:
        return world.gates[i].open;
    case SLEEP:
        return trale_now() >= op->number;
    case JOIN:
        return has_ended(op->target) || op->target == op->actor;
    case GET:
        return world.set[i] || world.closed[i];
    case SIGNAL:
        return !world.owner[i] && (op->through || (world.signals[i] > 0 && !world.mixed[i]));
    case MEMBERS:
        return members_ended(op->actor);
    case CHILD:
        return has_ended(op->target);
    }
    return true;
}

/* What took effect is done to the model. */

static void lock_model(const struct actor **owner, struct op *op)
{
    must(!*owner);
    *owner = op->actor;
    op->actor->held = LOCK;
    op->actor->held_object = op->object;
}

static void hold(struct op *op)
{
    must(!world.written[op->object]);
    must(op->kind == READ || world.readers[op->object] == 0);
    world.readers[op->object] += op->kind == READ;
    world.written[op->object] = op->kind == WRITE;
    op->actor->held = op->kind;
    op->actor->held_object = op->object;
}

static void joined(const struct op *op)
{
    struct actor *target = op->target;

    if (target->stage == NEW && target->cancelled) {
        target->stage = ENDED;
        target->result = -ECANCELED;
    }
    must(has_ended(target));
    must(op->value == target->result);
    target->task = NULL;
}

static void take_effect(struct op *op)
{
    unsigned i = op->object;

    switch (op->kind) {
    case SEND:
        return send_item(&world.channels[i], op->number);
    case RECEIVE:
        return check_received(&world.channels[i], op->item);
    case WAIT:
        must(world.notified[i]-- > 0);
        return;
    case LOCK:
        return lock_model(&world.owner[i], op);
    case ACQUIRE:
        must((world.permits[i] -= op->number) >= 0);
        return;
    case READ:
    case WRITE:
        return hold(op);
    case PASS:
        must(world.gates[i].open);
        world.gates[i].open = false;
        return;
    case SLEEP:
        must(trale_now() >= op->number);
        return;
    case JOIN:
        return joined(op);
    case GET:
        must(world.set[i] && op->value == world.value[i]);
        return;
    case SIGNAL:
        must(op->through || world.signals[i]-- > 0);
        return;
    case MEMBERS:
    case CHILD:
        return;
    }
}

/* An error that the operation itself gives. */
static void check_error(const struct op *op, intptr_t error)
{
    const struct channel *c = &world.channels[op->object];

    if (error == -EPIPE && op->kind == SEND)
        must(c->closed && !is_taken(c, op->number));
    else if (error == -EPIPE && op->kind == RECEIVE)
        must(c->closed && c->count == 0);
    else if (error == -EPIPE && op->kind == GET)
        must(world.closed[op->object] && !world.set[op->object]);
    else if (error == -EDEADLK && op->kind == LOCK)
        must(world.owner[op->object] == op->actor);
    else if (error == -EDEADLK && op->kind == JOIN)
        must(op->target == op->actor);
    else
        broken("an error that may be", __FILE__, __LINE__);
}

void op_begins(struct op *op)
{
    must(flying_count < FLYING);
    op->arrived = ++world.arrivals;
    op->orderly = op->actor->straight < 100;
    flying[flying_count++] = op;
    world.progress++;
}

static long count_signallable(unsigned cond)
{
    long count = 0;

    for (unsigned i = 0; i < flying_count; i++)
        count += flying[i]->kind == SIGNAL && flying[i]->object == cond && !flying[i]->through;
    return count;
}

/* A signal that nobody is left to take is gone. */
static void lose_signals(unsigned cond)
{
    long most = count_signallable(cond);

    if (world.signals[cond] > most && !world.mixed[cond])
        world.signals[cond] = most;
    if (count_waiters(SIGNAL, cond) > 0)
        return;
    world.signals[cond] = 0;
    world.mixed[cond] = false;
}

void signal_model(unsigned cond, bool all)
{
    world.mixed[cond] = world.mixed[cond] || (all && world.signals[cond] > 0);
    for (unsigned i = 0; all && i < flying_count; i++)
        if (flying[i]->kind == SIGNAL && flying[i]->object == cond)
            flying[i]->through = true;
    world.signals[cond] += !all;
    lose_signals(cond);
}

/*
 * One that was cancelled gave its signal up before it had the mutex again, and when is not known. But
 * if all who wait now did so when it was cancelled, one of them has it.
 */
static bool passes_on(const struct op *op)
{
    bool all = op->actor->cancelled_at > 0;

    for (unsigned i = 0; i < flying_count; i++)
        if (flying[i]->kind == SIGNAL && flying[i]->object == op->object)
            all = all && flying[i]->arrived < op->actor->cancelled_at;
    return all;
}

static void land(struct op *op)
{
    unsigned i = 0;

    while (flying[i] != op)
        must(++i < flying_count);
    memmove(&flying[i], &flying[i + 1], (--flying_count - i) * sizeof *flying);
    op->arrived = 0;
    op->over = true;
    world.progress++;
    if (op->kind == SIGNAL && !op->effect && world.signals[op->object] > 0)
        world.mixed[op->object] = world.mixed[op->object] || !passes_on(op);
    if (op->kind == SIGNAL)
        lose_signals(op->object);
    op_forget(op);
}

void op_ends(struct op *op, intptr_t result)
{
    say("    actor %d: kind %d of %u gives %ld\n", (int)(op->actor - world.actors), op->kind,
        op->object, (long)result);
    world.trace = (world.trace ^ (uint64_t)result ^ ((uint64_t)op->kind << 32) ^
                   ((uint64_t)(op->actor - world.actors) << 40)) *
                  UINT64_C(0x9e3779b97f4a7c15);
    op->effect = result != -ECANCELED && result != -ETIMEDOUT;
    if (result >= 0) {
        check_order(op);
        take_effect(op);
    } else if (op->effect) {
        check_error(op, result);
    } else if (op->kind == SEND) {
        must(!is_taken(&world.channels[op->object], op->number));
    }
    land(op);
}

void op_withdrawn(struct op *op, intptr_t output)
{
    must(output == -ECANCELED || output == -ETIMEDOUT);
    op_ends(op, output);
}

unsigned count_waiters(enum kind kind, unsigned object)
{
    unsigned count = 0;

    for (unsigned i = 0; i < flying_count; i++)
        count += flying[i]->kind == kind && flying[i]->object == object;
    return count;
}
