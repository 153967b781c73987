/* Racers without a stack: one waits for one thing, until it has it, or is cancelled. */
#include <errno.h>

#include "soak.h"

enum { WAITER, RECEIVER, SENDER, SLEEPER, ACQUIRER, KINDS };

struct racer {
    trale_future future;
    union {
        trale_future future;
        trale_event_wait_future wait;
        trale_channel_recv_future receive;
        trale_channel_send_future send;
        trale_sleep_future sleep;
        trale_semaphore_acquire_future acquire;
    } inner;
    struct stackless *state;
    int64_t until;
};

static enum trale_poll racer_poll(trale_future *self, trale_context *cx)
{
    struct racer *r = (struct racer *)self;
    enum trale_poll result;

    must(r->state->polling++ == 0 && r->state->drops == 0);
    result = trale_future_poll(&r->inner.future, cx);
    self->output = r->inner.future.output;
    must(result == TRALE_PENDING || r->state->kind != SLEEPER || trale_now() >= r->until);
    r->state->polling--;
    return result;
}

static void racer_drop(trale_future *self)
{
    struct racer *r = (struct racer *)self;

    must(r->state->polling == 0 && r->state->drops++ == 0);
    r->inner.future.output = self->output;
    trale_future_drop(&r->inner.future);
    self->output = r->inner.future.output;
    right(STACKLESS, 1);
    right(TIMERS, r->state->kind == SLEEPER);
}

static void init_inner(struct actor *boss, struct racer *r)
{
    struct stackless *s = r->state;
    trale_channel *channel = any_channel(boss);

    switch (s->kind) {
    case WAITER:
        return trale_event_wait_init(&r->inner.wait, &arena.event);
    case RECEIVER:
        return trale_channel_recv_init(&r->inner.receive, channel, &s->item);
    case SENDER:
        s->item = 1 + draw(boss, 1000);
        return trale_channel_send_init(&r->inner.send, channel, &s->item);
    case ACQUIRER:
        return trale_semaphore_acquire_init(&r->inner.acquire, &arena.semaphore, 1);
    default:
        r->until = trale_now() + draw(boss, 500) * TRALE_US;
        return trale_sleep_until_init(&r->inner.sleep, r->until);
    }
}

int spawn_stackless(struct actor *boss, struct stackless *s, trale_task **task,
                    const trale_spawn_options *options)
{
    static const struct trale_future_ops ops = {racer_poll, racer_drop, "racer"};
    struct racer r = {.future = {.ops = &ops}, .state = s};
    int error;

    *s = (struct stackless){.kind = (int)draw(boss, KINDS)};
    if (boss->timeless && s->kind == SLEEPER)
        s->kind = WAITER;
    init_inner(boss, &r);
    left(TIMERS, s->kind == SLEEPER);
    left(STACKLESS, 1);
    error = trale_spawn_future_with(task, options, &r.future, sizeof r);
    if (error != 0) {
        right(TIMERS, s->kind == SLEEPER);
        right(STACKLESS, 1);
    }
    return error;
}

/* By the boss, when it is joined. */
void end_stackless(struct actor *boss, struct stackless *s, intptr_t result)
{
    trace(boss, result);
    must(s->drops == 1 && s->polling == 0 && (result == 0 || result == -ECANCELED));
    tally(CANCELLED, result != 0);
    if (result != 0)
        return;
    if (s->kind == WAITER)
        right(NOTES, 1);
    if (s->kind == RECEIVER)
        note_received(boss, s->item);
    if (s->kind == SENDER)
        note_sent(s->item);
    if (s->kind != ACQUIRER)
        return;
    left(PERMITS, 1);
    right(PERMITS, 1);
    must(trale_semaphore_release(&arena.semaphore, 1) == 0);
}
