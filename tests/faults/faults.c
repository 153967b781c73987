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

START_TEST(opening_survives)
{
    sweep("opening", opening);
}
END_TEST

START_TEST(pipe_streams_survive)
{
    sweep("pipe streams", pipe_streams);
}
END_TEST

START_TEST(broken_pipes_survive)
{
    sweep("broken pipes", broken_pipes);
}
END_TEST

START_TEST(tcp_streams_survive)
{
    sweep("TCP streams", tcp_streams);
}
END_TEST

START_TEST(several_addresses_survive)
{
    sweep("several addresses", several_addresses);
}
END_TEST

START_TEST(unix_streams_survive)
{
    sweep("Unix streams", unix_streams);
}
END_TEST

START_TEST(socket_pairs_survive)
{
    sweep("socket pairs", socket_pairs);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        own_runtime_survives, default_runtime_survives,  spawns_survive,
        timers_survive,       first_waits_survive,       datagrams_survive,
        pipes_survive,        pipe_streams_survive,      broken_pipes_survive,
        tcp_streams_survive,  several_addresses_survive, unix_streams_survive,
        socket_pairs_survive, opening_survives};
    int failed;

    sweep_begin();
    failed = suite_main(NULL, NULL, "faults", tests, sizeof tests / sizeof *tests);
    sweep_end();
    return failed;
}
