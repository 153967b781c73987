/* Tasks of a program: how they begin, and what is known of their ends. */
#include <errno.h>
#include <string.h>

#include "calls.h"

enum { STRAIGHT = 60 };

/* A record that nobody needs any more. */
static bool is_free(const struct actor *a)
{
    if (a->stage == FREE)
        return true;
    return a->stage == ENDED && !a->task && !a->parent && !a->main;
}

struct actor *actor_new(void)
{
    for (unsigned i = 0; i < ACTORS; i++) {
        struct actor *a = &world.actors[i];

        if (is_free(a)) {
            *a = (struct actor){.held = SIMPLE};
            return a;
        }
    }
    return NULL;
}

struct actor *actor_live(unsigned number)
{
    for (unsigned i = 0; i < ACTORS; i++) {
        struct actor *a = &world.actors[(number + i) % ACTORS];

        if (a->stage != FREE && a->task && !a->joining)
            return a;
    }
    return NULL;
}

bool somebody_is_new(void)
{
    for (unsigned i = 0; i < ACTORS; i++)
        if (world.actors[i].stage == NEW && world.actors[i].stackless)
            return true;
    return false;
}

unsigned actors_left(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ACTORS; i++)
        count += !world.actors[i].main &&
                 (world.actors[i].stage == NEW || world.actors[i].stage == RUNNING);
    return count;
}

/* Cancelled before it began, it ends without a trace. */
void forget_unstarted(void)
{
    for (unsigned i = 0; i < ACTORS; i++) {
        struct actor *a = &world.actors[i];

        if (a->stage != NEW || !a->cancelled)
            continue;
        a->stage = ENDED;
        a->result = -ECANCELED;
        if (a->parent && a->parent_kind == MEMBERS)
            a->parent->group_unstarted = true;
    }
}

/* Fibers. */

static void end_actor(struct actor *a, intptr_t result)
{
    a->result = result;
    a->stage = ENDED;
    world.progress++;
    if (!a->parent || a->parent_kind != MEMBERS || result >= 0)
        return;
    if (a->parent->group_error == 0)
        a->parent->group_error = (int)result;
    cancel_members(a->parent, MEMBERS);
}

static void yield(struct actor *self)
{
    unsigned before = verdict(self);

    note_result(self, trale_yield(), before);
}

intptr_t work(void *actor)
{
    struct actor *self = actor;
    unsigned result = 0, ended = 0;

    must(self->stage == NEW && !self->cancelled);
    self->stage = RUNNING;
    while (!world.over && !ended) {
        unsigned code = next_byte(), argument = next_byte();

        ended = (verdict(self) != 0 && code % 4 == 0) || code == 255;
        result = argument;
        if (!ended)
            perform(self, code, argument);
        if (++self->straight % STRAIGHT == 0)
            yield(self);
    }
    unlock(self);
    end_family(self);
    let_go(self);
    end_actor(self, result % 8 == 7 ? -1000 - (int)result : (int)result);
    return self->result;
}

void spawn_fiber(bool detached)
{
    struct actor *a = actor_new();

    if (!a)
        return;
    a->stage = NEW;
    must(trale_spawn(detached ? NULL : &a->task, work, a) == 0);
    say("    spawned %d\n", (int)(a - world.actors));
}

/* Without a stack: one operation. */

void spawn_stackless(unsigned kind, unsigned argument)
{
    struct actor *a = actor_new();
    struct spy spy;
    struct op op;

    if (!a || kind % SIMPLE == LOCK || kind % SIMPLE == READ || kind % SIMPLE == WRITE)
        return; /* nobody would give it back */
    a->stage = NEW;
    a->stackless = true;
    if (!op_choose(&op, a, kind % SIMPLE, argument) || op.target == a) {
        a->stage = FREE;
        return;
    }
    spy_init(&spy, &op);
    spy.dropped = &a->dropped;
    must(trale_spawn_future(&a->task, &spy.future, sizeof spy) == 0);
    say("    spawned %d without a stack, kind %d of %u\n", (int)(a - world.actors), op.kind,
        op.object);
}

/* Members and children. */

static struct actor *make_relative(struct actor *self, enum kind kind)
{
    struct actor *a = actor_new();

    if (!a)
        return NULL;
    a->stage = NEW;
    a->parent = self;
    a->parent_kind = kind;
    return a;
}

static void forget_relatives(struct actor *self, enum kind kind)
{
    for (unsigned i = 0; i < ACTORS; i++) {
        struct actor *a = &world.actors[i];

        if (a->stage == FREE || a->parent != self || a->parent_kind != kind)
            continue;
        must(a->stage == ENDED || (a->stage == NEW && (a->cancelled || may_end(a) != 0)));
        if (a->stage == NEW)
            self->group_unstarted = true;
        a->stage = ENDED;
        a->parent = NULL;
    }
}

void spawn_member(struct actor *self)
{
    struct actor *a = make_relative(self, MEMBERS);
    int error;

    if (!a)
        return;
    error = trale_group_spawn(&self->group, work, a);
    must(error == (self->group_cancelled ? -ECANCELED : 0));
    if (error != 0)
        a->stage = FREE;
    say("    member %d: %d\n", (int)(a - world.actors), error);
}

/* To its end, whatever happens to who waits. */
static void unsure(struct actor *self)
{
    for (unsigned i = 0; i < self->depth; i++)
        self->scopes[i].unsure |= (verdict(self) & TIMED_OUT) != 0;
}

void wait_for_members(struct actor *self)
{
    struct op op = {.kind = MEMBERS, .actor = self};
    int result;

    if (verdict(self) != 0)
        cancel_members(self, MEMBERS);
    self->parent_waits = true;
    op_begins(&op);
    result = trale_group_wait(&self->group);
    op_ends(&op, 0);
    unsure(self);
    forget_relatives(self, MEMBERS);
    self->parent_waits = false;
    must(result == self->group_error || (result == -ECANCELED && self->group_unstarted));
    must(result != 0 || !self->group_unstarted);
    self->group_cancelled = self->group_unstarted = false;
    self->group_error = 0;
}

/* What is left to wait for before it ends. */
void end_family(struct actor *self)
{
    wait_for_members(self);
    trale_group_check(&self->group);
}

void have_child(struct actor *self)
{
    struct actor *child = make_relative(self, CHILD);
    struct op op = {.kind = CHILD, .actor = self, .target = child};
    unsigned before = verdict(self);
    intptr_t value = -1;
    int result;

    if (!child)
        return;
    say("    child %d\n", (int)(child - world.actors));
    self->parent_waits = true;
    op_begins(&op);
    result = trale_block_on(work, child, &value);
    op_ends(&op, 0);
    if (result != 0) {
        must(child->stage == NEW);
        note_result(self, result, before);
        child->stage = FREE;
    } else {
        must(before == 0);
        unsure(self);
        if (child->stage == NEW) {
            must((child->cancelled || may_end(child) != 0) && value == -ECANCELED);
            child->stage = ENDED;
        } else {
            must(child->stage == ENDED && value == child->result);
        }
    }
    child->parent = NULL;
    self->parent_waits = false;
}

/* Everybody has ended: the handles that are left, and what they say. */
void tasks_check_end(void)
{
    for (unsigned i = 0; i < ACTORS; i++) {
        struct actor *a = &world.actors[i];
        intptr_t result = -1;

        if (a->stage == FREE || a->main || !a->task)
            continue;
        must(a->stage == ENDED && !a->joining);
        must(trale_join(a->task, &result) == 0 && result == a->result);
    }
}
