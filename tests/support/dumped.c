#include "dumped.h"

#include "suite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settle.h"

/* Not inlined: gcc 12 then believes that the text is its own pointer, and warns. */
__attribute__((noinline)) char *dump_text(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    trale_dump(out);
    fclose(out);
    return text;
}

const char *dump_line(const trale_task *task)
{
    static char line[1024];
    char handle[32], *text = dump_text(), *found;
    bool there;

    snprintf(handle, sizeof handle, "\n  %p", (const void *)task);
    found = strstr(text, handle);
    there = found != NULL;
    if (there)
        snprintf(line, sizeof line, "%.*s", (int)strcspn(found + 1, "\n"), found + 1);
    free(text);
    return there ? line : NULL;
}

const char *dump_doing(const trale_task *task)
{
    const char *line = dump_line(task), *old = line ? strstr(line, " old: ") : NULL;

    ck_assert_msg(old, "no line: %s", line ? line : "at all");
    return old + strlen(" old: ");
}

void expect_doing(const trale_task *task, const char *format, ...)
{
    char expected[512];
    va_list args;

    va_start(args, format);
    vsnprintf(expected, sizeof expected, format, args);
    va_end(args);
    ck_assert_str_eq(dump_doing(task), expected);
}

void expect_begins(const char *text, const char *words)
{
    ck_assert_msg(strncmp(text, words, strlen(words)) == 0, "\"%s\", not \"%s\"", text, words);
}

void dump_name(char text[256], const trale_task *task)
{
    const char *line = dump_line(task);

    ck_assert_ptr_nonnull(line);
    snprintf(text, 256, "%.*s", (int)(strchr(line, ',') - line - 2), line + 2);
}

trale_task *spawn_named(const char *name, trale_fn *fn, void *arg)
{
    trale_spawn_options options = {.name = name};
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn_with(&task, &options, fn, arg), 0);
    return task;
}

trale_task *spawn_waiting(trale_fn *fn, void *arg)
{
    trale_task *task = spawn_named("waits", fn, arg);

    settle();
    return task;
}

void end_task(trale_task *task, intptr_t result)
{
    trale_cancel(task);
    ck_assert_int_eq(join(task), result);
}

intptr_t wait_for_event(void *event)
{
    return trale_event_wait(event);
}
