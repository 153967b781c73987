/* What must hold of all that are under way: their order, and that nobody waits in vain. */
#include "calls.h"

void for_each_flying(void (*visit)(struct op *op))
{
    for (unsigned i = 0; i < flying_count; i++)
        visit(flying[i]);
}

/* How much there is of what such an operation takes; READ and WRITE and LOCK take all. */
static long there_is(const struct op *op)
{
    const struct channel *c = &world.channels[op->object];

    switch (op->kind) {
    case SEND:
        return (long)(c->capacity - c->count);
    case RECEIVE:
        return (long)c->count;
    case WAIT:
        return world.notified[op->object];
    case ACQUIRE:
        return world.permits[op->object];
    default:
        return 0;
    }
}

static long takes(const struct op *op)
{
    return op->kind == ACQUIRE ? op->number : 1;
}

static bool is_before(const struct op *other, const struct op *op)
{
    bool same = other->kind == op->kind ? op->kind != READ
                                        : (op->kind == READ && other->kind == WRITE) ||
                                              (op->kind == WRITE && other->kind == READ);

    return same && other->object == op->object && other->actor != op->actor && !other->several &&
           other->orderly && may_end(other->actor) == 0;
}

/*
 * Who came first was let through first, but for those who might not wait any more; he may return
 * later, if there was enough for both. What is handed over is gone when one returns: not asked.
 */
void check_order(const struct op *op)
{
    bool asked = op->kind <= WRITE && op->orderly &&
                 (op->kind > RECEIVE || world.channels[op->object].capacity > 0);
    long before = 0;

    for (unsigned i = 0; asked && i < flying_count && flying[i] != op; i++)
        if (is_before(flying[i], op))
            before += takes(flying[i]);
    must(before == 0 || there_is(op) >= before + takes(op));
}

/* A family that is waited for to its end was cancelled, and theirs in turn. */
static void cancel_families(void)
{
    for (unsigned n = 0; n < ACTORS; n++)
        for (unsigned i = 0; i < flying_count; i++) {
            const struct op *op = flying[i];

            if ((op->kind == MEMBERS || op->kind == CHILD) && verdict(op->actor) != 0)
                cancel_members(op->actor, op->kind);
        }
}

/* Nothing moves: who waits has to. */
void check_still(void)
{
    cancel_families();
    forget_unstarted();
    for (unsigned i = 0; i < flying_count; i++) {
        const struct op *op = flying[i];
        bool to_end = op->kind == MEMBERS || op->kind == CHILD ||
                      (op->kind == SIGNAL && world.owner[op->object]);

        say("  still: actor %d waits: kind %d of %u, %ld (owner %d, signals %ld)\n",
            (int)(op->actor - world.actors), op->kind, op->object, op->number,
            world.owner[op->object] ? (int)(world.owner[op->object] - world.actors) : -1,
            world.signals[op->object]);
        must(!op_enabled(op));
        must(to_end || verdict(op->actor) == 0);
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        must(world.channels[i].sent_count == 0 && world.channels[i].taken_count == 0);
    for (unsigned i = 0; i < ACTORS; i++)
        must(world.actors[i].stage != NEW);
}
