/* Every call that can fail fails once, in every scenario; what must come of it is in sweep.h. */
#include "scenarios.h"
#include "suite.h"
#include "sweep.h"

START_TEST(own_runtime_survives)
{
    sweep("own runtime", own_runtime);
}
END_TEST

START_TEST(several_executors_survive)
{
    sweep("several executors", several_executors);
}
END_TEST

START_TEST(inline_runs_survive)
{
    sweep("inline runs", inline_runs);
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

START_TEST(groups_survive)
{
    sweep("groups", groups);
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

START_TEST(blocking_survives)
{
    sweep("blocking", blocking);
}
END_TEST

START_TEST(busy_pool_survives)
{
    sweep("busy pool", busy_pool);
}
END_TEST

START_TEST(given_up_survives)
{
    sweep("given up", given_up);
}
END_TEST

START_TEST(names_survive)
{
    sweep("names", names);
}
END_TEST

START_TEST(connected_datagrams_survive)
{
    sweep("connected datagrams", connected_datagrams);
}
END_TEST

START_TEST(many_datagrams_survive)
{
    sweep("many datagrams", many_datagrams);
}
END_TEST

START_TEST(paths_survive)
{
    sweep("paths", paths);
}
END_TEST

START_TEST(file_offsets_survive)
{
    sweep("file offsets", file_offsets);
}
END_TEST

START_TEST(file_position_survives)
{
    sweep("file position", file_position);
}
END_TEST

START_TEST(file_futures_survive)
{
    sweep("file futures", file_futures);
}
END_TEST

START_TEST(closed_files_survive)
{
    sweep("closed files", closed_files);
}
END_TEST

START_TEST(waiting_for_each_other_survives)
{
    sweep("waiting for each other", waiting_for_each_other);
}
END_TEST

START_TEST(cold_files_survive)
{
    sweep("cold files", cold_files);
}
END_TEST

START_TEST(publishing_survives)
{
    sweep("publishing", publishing);
}
END_TEST

START_TEST(locals_survive)
{
    sweep("locals", locals);
}
END_TEST

START_TEST(dumping_survives)
{
    sweep("dumping", dumping);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {own_runtime_survives,
                                  several_executors_survive,
                                  inline_runs_survive,
                                  default_runtime_survives,
                                  spawns_survive,
                                  groups_survive,
                                  timers_survive,
                                  first_waits_survive,
                                  datagrams_survive,
                                  pipes_survive,
                                  pipe_streams_survive,
                                  broken_pipes_survive,
                                  tcp_streams_survive,
                                  several_addresses_survive,
                                  unix_streams_survive,
                                  socket_pairs_survive,
                                  opening_survives,
                                  blocking_survives,
                                  busy_pool_survives,
                                  given_up_survives,
                                  names_survive,
                                  connected_datagrams_survive,
                                  many_datagrams_survive,
                                  paths_survive,
                                  file_offsets_survive,
                                  file_position_survives,
                                  file_futures_survive,
                                  closed_files_survive,
                                  waiting_for_each_other_survives,
                                  cold_files_survive,
                                  publishing_survives,
                                  locals_survive,
                                  dumping_survives};
    int failed;

    sweep_begin();
    failed = suite_main(NULL, NULL, "faults", tests, sizeof tests / sizeof *tests);
    sweep_end();
    return failed;
}
