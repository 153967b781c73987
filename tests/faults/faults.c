/* Every call that can fail fails once, in every scenario; what must come of it is in sweep.h. */
#include "scenarios.h"
#include "suite.h"
#include "sweep.h"

START_TEST(own_runtime_survives)
{
    sweep("own runtime", own_runtime);
}
END_TEST

START_TEST(default_runtime_survives)
{
    sweep("default runtime", default_runtime);
}
END_TEST

START_TEST(spawns_survive)
{
    sweep("spawns", spawns);
}
END_TEST

START_TEST(timers_survive)
{
    sweep("timers", timers);
}
END_TEST

START_TEST(first_waits_survive)
{
    sweep("first waits", first_waits);
}
END_TEST

START_TEST(datagrams_survive)
{
    sweep("datagrams", datagrams);
}
END_TEST

START_TEST(pipes_survive)
{
    sweep("pipes", pipes);
}
END_TEST

START_TEST(streams_survive)
{
    sweep("streams", streams);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        own_runtime_survives, default_runtime_survives, spawns_survive, timers_survive,
        first_waits_survive,  datagrams_survive,        pipes_survive,  streams_survive};
    int failed;

    sweep_begin();
    failed = suite_main(NULL, NULL, "faults", tests, sizeof tests / sizeof *tests);
    sweep_end();
    return failed;
}
