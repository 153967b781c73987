/* The dump: everything is frozen, walked, put into words, thawed, and only then written. */
#include <trale/debug.h>

#include <stdlib.h>

#include "base/clock.h"
#include "core/process.h"
#include "core/runtime.h"
#include "debug/describe.h"
#include "debug/running.h"

static void add_what(const struct describing *d, const struct executor *ex,
                     const struct found_task *found)
{
    switch (found->doing) {
    case DOING_NEW:
        text_add(d->text, "new");
        break;
    case DOING_READY:
        text_add(d->text, "ready");
        break;
    case DOING_RUNNING:
        text_add(d->text, "running, ");
        add_running_time(d->text, ex, d->now);
        break;
    case DOING_WAITING:
        text_add(d->text, "waiting: ");
        describe_wait(d, found->task);
        break;
    }
}

static void add_task(const struct describing *d, const struct found_task *found)
{
    const trale_task *task = found->task;
    /* Not the coarse clock, which is late: an executor had the time of the spawn from this one. */
    uint32_t age = task_clock(clock_now()) - task->born;

    text_add(d->text, "  ");
    text_add_task(d->text, task);
    text_add(d->text, ", ");
    text_add_time(d->text, age * TASK_CLOCK_UNIT, 2);
    text_add(d->text, " old: ");
    add_what(d, container_of(task->home, const struct executor, queue), found);
    text_add(d->text, "\n");
}

/* The tasks of all runtimes are known, for one may hold what another waits for. */
static void add_runtime(const struct describing *d, trale_runtime *rt)
{
    struct found own = {0};

    walk(rt, &own);
    text_add(d->text, "trale: runtime %p, %zu task%s\n", (void *)rt, own.count,
             own.count == 1 ? "" : "s");
    for (size_t i = 0; i < own.count; i++)
        add_task(d, &own.tasks[i]);
    d->text->cut = d->text->cut || own.cut;
    free(own.tasks);
}

static void add_all(struct text *text)
{
    struct found found = {0};
    const struct describing d = {text, &found, clock_now()};
    trale_runtime *rt = NULL;

    while ((rt = process_next(rt)))
        walk(rt, &found);
    while ((rt = process_next(rt)))
        add_runtime(&d, rt);
    free(found.tasks);
}

void trale_dump(FILE *out)
{
    struct text text = {0};

    if (!out)
        return;
    if (!freeze_all()) {
        fputs("trale: no dump: the kernel refuses membarrier(2)\n", out);
        return;
    }
    add_all(&text);
    thaw_all();
    if (text.length > 0)
        fwrite(text.at, 1, text.length, out);
    if (text.cut)
        fputs("trale: no memory for the rest\n", out);
    else if (text.length == 0)
        fputs("trale: no runtime\n", out);
    text_free(&text);
}
