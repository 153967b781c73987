/* What the bytes mean. */
#include <errno.h>
#include <string.h>

#include "calls.h"

/* Locks and scopes. */

void unlock(struct actor *self)
{
    unsigned i = self->held_object;

    if (self->held == LOCK) {
        must(world.owner[i] == self);
        world.owner[i] = NULL;
        must(trale_mutex_unlock(&world.mutexes[i]) == 0);
    } else if (self->held != SIMPLE) {
        world.readers[i] -= self->held == READ;
        world.written[i] = false;
        must(trale_rwlock_unlock(&world.rwlocks[i]) == 0);
    }
    self->held = SIMPLE;
}

/* With the mutex again, whatever it returns. */
static void wait_for_signal(struct actor *self)
{
    unsigned i = self->held_object, before = verdict(self);
    struct op op = {.kind = SIGNAL, .object = i, .actor = self};
    int result;

    if (self->held != LOCK)
        return;
    world.owner[i] = NULL;
    op_begins(&op);
    result = trale_cond_wait(&world.conds[i], &world.mutexes[i]);
    must(!world.owner[i]);
    world.owner[i] = self;
    if (result != 0 || before != 0)
        note_result(self, result, before);
    op_ends(&op, result);
}

static void enter(struct actor *self, unsigned argument)
{
    struct scope *scope = self->scopes + self->depth;
    const int64_t deadlines[] = {0,
                                 trale_now(),
                                 trale_now() - 1,
                                 trale_now() + SOON,
                                 trale_now() + 4 * SOON,
                                 trale_now() + 3600 * TRALE_SEC,
                                 TRALE_NEVER};

    if (self->depth == DEPTH)
        return;
    say("    enters %u\n", argument);
    *scope = (struct scope){.deadline = deadlines[argument % 7], .shielded = argument & 64};
    if (scope->shielded)
        trale_scope_enter_shielded(&scope->real, scope->deadline);
    else
        trale_scope_enter(&scope->real, scope->deadline);
    self->depth++;
}

static void leave(struct actor *self)
{
    struct scope *scope;
    int result;

    if (self->depth == 0)
        return;
    scope = &self->scopes[self->depth - 1];
    result = trale_scope_leave(&scope->real);
    must(scope->unsure || result == (scope->cut ? -ETIMEDOUT : 0));
    must(result == 0 || result == -ETIMEDOUT);
    self->depth--;
}

void let_go(struct actor *self)
{
    unlock(self);
    while (self->depth > 0)
        leave(self);
}

/* What never waits. */

static void try_channel(struct channel *c, unsigned number, bool send)
{
    long item = send ? ++world.next_item : 0;
    int result =
        send ? trale_channel_try_send(c->real, &item) : trale_channel_try_recv(c->real, &item);
    enum kind same = send ? SEND : RECEIVE, other = send ? RECEIVE : SEND;

    if (result == 0 && send)
        send_item(c, item);
    else if (result == 0)
        check_received(c, item);
    else if (result == -EPIPE)
        must(c->closed && (send || c->count == 0));
    else if (c->capacity > 0)
        must(result == -EAGAIN && !(c->closed && send) &&
             (c->count == (send ? c->capacity : 0) || count_waiters(same, number)));
    else
        must(result == -EAGAIN && !c->closed);
    must(result != 0 || c->capacity > 0 || count_waiters(other, number));
}

static void try_event(unsigned i)
{
    int result = trale_event_try_wait(&world.events[i]);

    must(result == (world.notified[i] == 0 ? -EAGAIN : 0) ||
         (result == -EAGAIN && count_waiters(WAIT, i) > 0));
    world.notified[i] -= result == 0;
}

/* Refused if somebody has it, or waits for it. */
static void try_lock(struct actor *self, enum kind kind, unsigned i)
{
    struct op op = {.kind = kind, .object = i, .actor = self};
    int result;

    if (self->held != SIMPLE)
        return;
    result = kind == LOCK ? trale_mutex_trylock(&world.mutexes[i])
                          : trale_rwlock_trywrlock(&world.rwlocks[i]);
    must(result == 0 || result == -EBUSY);
    must(result == 0 ? op_enabled(&op)
                     : !op_enabled(&op) || count_waiters(kind, i) > 0 ||
                           count_waiters(kind == LOCK ? SIGNAL : READ, i) > 0);
    if (result != 0)
        return;
    self->held = kind;
    self->held_object = i;
    if (kind == LOCK)
        world.owner[i] = self;
    else
        world.written[i] = true;
}

static void notify(unsigned i, unsigned what)
{
    if (what % 3 == 0) {
        world.notified[i]++;
        must(trale_event_notify(&world.events[i]) == 0);
    } else if (what % 3 == 1) {
        world.permits[i] += 1 + what % 2;
        must(trale_semaphore_release(&world.semaphores[i], 1 + what % 2) == 0);
    } else {
        open_gate(i);
    }
}

static void signal_cond(unsigned i, bool all)
{
    signal_model(i, all);
    must((all ? trale_cond_broadcast(&world.conds[i]) : trale_cond_signal(&world.conds[i])) == 0);
}

static void use_waker(struct gate *gate, unsigned what)
{
    if (what % 2 == 0) {
        trale_waker_wake(gate->waker);
        return;
    }
    trale_waker_wake(gate->waker); /* or who waits would have nobody to wake him */
    trale_waker_drop(gate->waker);
    gate->waker = NULL;
}

/* Tasks of others. */

static void cancel_one(unsigned number)
{
    struct actor *a = actor_live(number);

    must(trale_cancel(NULL) == -EINVAL);
    if (!a)
        return;
    say("    cancels %d\n", (int)(a - world.actors));
    if (!a->cancelled)
        a->cancelled_at = 1 + world.arrivals;
    a->cancelled = a->cancelled || a->stage == NEW || a->stage == RUNNING;
    must(trale_cancel(a->task) == 0);
}

static void detach_one(unsigned number)
{
    struct actor *a = actor_live(number);

    if (!a)
        return;
    trale_detach(a->task);
    a->task = NULL;
}

static void cancel_group(struct actor *self)
{
    cancel_members(self, MEMBERS);
    trale_group_cancel(&self->group);
}

/* Objects that begin again, if no task is about to use them. */

static void check_content(const struct channel *c)
{
    long item;

    for (size_t i = 0; i < c->count; i++)
        must(trale_channel_try_recv(c->real, &item) == 0 && item == c->items[i]);
    must(trale_channel_try_recv(c->real, &item) == (c->closed ? -EPIPE : -EAGAIN));
}

void renew(unsigned i)
{
    struct channel *c = &world.channels[i];

    if (somebody_is_new())
        return;
    if (count_waiters(SEND, i) + count_waiters(RECEIVE, i) == 0 && c->sent_count == 0 &&
        c->taken_count == 0) {
        if (c->capacity > 0)
            check_content(c);
        trale_channel_free(c->real);
        *c = (struct channel){.capacity = c->capacity};
        must(trale_channel_new(&c->real, sizeof(long), c->capacity) == 0);
    }
    if (count_waiters(GET, i) == 0) {
        world.oneshots[i] = (trale_oneshot){0};
        world.set[i] = world.closed[i] = false;
    }
}

static void use_oneshot(unsigned i, unsigned what)
{
    intptr_t value = -1;
    bool set = world.set[i], closed = world.closed[i];
    int result;

    if (what % 3 == 0) {
        result = trale_oneshot_set(&world.oneshots[i], (intptr_t)what);
        must(result == (set ? -EALREADY : closed ? -EPIPE : 0));
        world.value[i] = set ? world.value[i] : (long)what;
        world.set[i] = set || !closed;
    } else if (what % 3 == 1) {
        must(trale_oneshot_close(&world.oneshots[i]) == 0);
        world.closed[i] = closed || !set;
    } else {
        result = trale_oneshot_try_get(&world.oneshots[i], &value);
        must(result == (set ? 0 : closed ? -EPIPE : -EAGAIN));
        must(!set || value == world.value[i]);
    }
}

static void close_channel(struct channel *c)
{
    c->closed = true;
    must(trale_channel_close(c->real) == 0);
}

/* For everybody. */
static void act(struct actor *self, unsigned code, unsigned argument)
{
    unsigned i = argument % OBJECTS, rest = argument / OBJECTS;

    switch (code) {
    case 0:
    case 1:
    case 2:
        return spawn_fiber(argument % 4 == 0);
    case 3:
        return spawn_stackless(next_byte(), argument);
    case 4:
        return cancel_one(argument);
    case 5:
        return detach_one(argument);
    case 6:
    case 7:
        return notify(i, rest);
    case 8:
        return try_channel(&world.channels[i], i, rest % 2);
    case 9:
        return rest % 2 ? try_lock(self, rest % 4 == 1 ? LOCK : WRITE, i) : try_event(i);
    case 10:
        return signal_cond(i, rest % 2);
    case 11:
        return clock_advance((1 + rest % 8) * SOON);
    case 12:
        return close_channel(&world.channels[i]);
    case 13:
        return use_oneshot(i, rest);
    case 14:
        return use_waker(&world.gates[i], rest);
    case 15:
        return renew(i);
    default:
        return unlock(self);
    }
}

/* For those who may wait. */
static void act_or_wait(struct actor *self, unsigned code, unsigned argument)
{
    unsigned before = verdict(self);
    struct op op;

    switch (code) {
    case 0:
        return do_several(self, argument, false);
    case 1:
        return do_several(self, argument, true);
    case 2:
    case 3:
        return enter(self, argument);
    case 4:
        return leave(self);
    case 5:
        return wait_for_signal(self);
    case 6:
        return spawn_member(self);
    case 7:
        if (self->held == SIMPLE)
            wait_for_members(self);
        return;
    case 8:
        return cancel_group(self);
    case 9:
        if (self->held == SIMPLE && !is_shielded(self)) /* nobody could stop the child */
            have_child(self);
        return;
    case 10:
        self->straight = 0;
        return note_result(self, trale_yield(), before);
    default:
        if (op_choose(&op, self, argument, next_byte()))
            op_call(&op);
    }
}

void perform(struct actor *self, unsigned code, unsigned argument)
{
    say("actor %d: %u %u\n", (int)(self - world.actors), code, argument);
    must(trale_self() != NULL);
    if (code < 96 || self->main)
        act(self, code % 17, argument);
    else
        act_or_wait(self, (code - 96) % 20, argument);
}
