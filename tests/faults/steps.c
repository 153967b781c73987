#include "steps.h"

void join_for(trale_task *task, intptr_t expected)
{
    intptr_t result = INTPTR_MIN;

    CALL(trale_join(task, &result), result == INTPTR_MIN);
    EXPECT(result == expected);
}

void close_io(trale_io *io)
{
    int error = trale_close(io);

    if (error != 0)
        call_failed(error, "trale_close");
}

void both_ways(trale_fn *fn, void *arg, intptr_t expected)
{
    trale_task *task = NULL;

    CALL(trale_spawn(&task, fn, arg), !task);
    join_for(task, expected);
    EXPECT(fn(arg) == expected);
}

void local_endpoint(trale_io *io, char text[TRALE_ADDR_TEXT])
{
    trale_addr local = {0};

    CALL(trale_addr_local(io, &local), local.length == 0);
    EXPECT(trale_addr_format(&local, text, TRALE_ADDR_TEXT) == 0);
}
