/*
 * The model of the task word, the inbox, the parker, the baton, the sharing of new tasks, the
 * freezing of executors, the word of what is waited for and what stands on it, ios, timers, the pool, shutdown:
 * explores every interleaving of every scenario, then mutates each atomic operation of
 * src/{base/lock,base/parker,core/baton,core/io_try}.h, of
 * src/core/{io_source,timer_queue,reactor,pool,runtime_tasks}.c with their locks,
 * lists and wakes, of src/core/{newcomers.h,steal_queue.h,share.c} with their
 * locking, whom they kick and where they look, of src/sync/wait_word.h, of
 * src/task/{task_state,inbox,pushers,claim,freeze}.h and of freeze.c, each step of src/sync (permits, wait
 * list, channel, group, series, oneshot, once, barrier, wait group, cond) and of debug/walk.c in
 * turn, and wants some scenario to fail for each mutant.
 *
 *   model             all of it; what it prints ends with one line that starts with "# "
 *   MODEL_DEEP=1 model   with one preemption more where they are bounded, and older values
 *   MODEL_HARMLESS=1 model  the harmless mutants too
 *   model NAME        only the scenarios whose names contain NAME, no mutants
 *
 * Exit status 1: a scenario fails, an operation is reached by none, a mutant survives that is not
 * in mutants.hpp among the harmless ones, or a mutant that is there does not survive.
 */
#include "scenarios.hpp"
#include "mutants.hpp"

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace model
{

scenario *scenarios;
unsigned goals_reached;
unsigned deep;
unsigned preemption_bound;
unsigned long redundant_runs;
operation pending[max_threads];
mutant current;

static const char *const kinds[] = {"load",      "store",    "exchange",  "fetch_add",
                                    "fetch_sub", "fetch_or", "fetch_and", "compare_exchange",
                                    "step"};

/* Nothing is allocated while Relacy runs, for it would count it as the scenario's. */
constexpr int max_sites = 600;
static site sites[max_sites];
static int site_count;
static unsigned current_scenario;

scenario::scenario(const char *n, outcome (*e)(std::ostream *))
    : name(n), explore(e), next(scenarios)
{
    scenarios = this;
}

site &find_site(const char *file, unsigned line, const char *function, enum kind kind,
                rl::memory_order order, rl::memory_order failure)
{
    static struct {
        const char *file;
        unsigned line;
        site *found;
    } cache[1024];
    unsigned slot = (line * 7 + (unsigned)((uintptr_t)file >> 3)) % 1024;

    while (cache[slot].file && (cache[slot].file != file || cache[slot].line != line))
        slot = (slot + 1) % 1024;
    if (!cache[slot].file) {
        int i = 0;
        while (i < site_count && (sites[i].line != line || strcmp(sites[i].file, file) != 0))
            i++;
        if (i == site_count)
            sites[site_count++] = {file, function, line, kind, order, failure, {}};
        cache[slot] = {file, line, &sites[i]};
    }
    cache[slot].found->scenarios.set(current_scenario);
    return *cache[slot].found;
}

/* Runs job(0) .. job(count - 1), each in a process of its own, one on every processor; then tells how
 * each ended. */
static void in_processes(size_t count, const std::function<void(size_t)> &job,
                         const std::function<void(size_t, int status)> &ended)
{
    std::map<pid_t, size_t> running;
    size_t limit = std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)), next = 0;

    fflush(stdout);
    while (next < count || !running.empty()) {
        if (next < count && running.size() < limit) {
            pid_t pid = fork();
            if (pid == 0) {
                job(next);
                std::cout.flush();
                _exit(0);
            }
            if (pid < 0)
                abort();
            running[pid] = next++;
            continue;
        }
        int status;
        pid_t pid = wait(&status);
        ended(running[pid], status);
        running.erase(pid);
    }
}

template <typename T> static T *shared_array(size_t count)
{
    void *array = mmap(nullptr, (count + 1) * sizeof(T), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (array == MAP_FAILED)
        abort();
    return static_cast<T *>(array);
}

/* Written by the process that explored the scenario. */
struct explored {
    outcome o;
    unsigned long redundant;
    unsigned bound;
    int site_count;
    site sites[max_sites];
};

static void explore_one(const scenario *s, unsigned index, explored *e)
{
    current_scenario = index;
    e->o = s->explore(&std::cout);
    e->redundant = redundant_runs;
    e->bound = preemption_bound;
    e->site_count = site_count;
    std::copy(sites, sites + site_count, e->sites);
}

/* True: it did not fail. */
static bool note(scenario *s, unsigned index, const explored &e, int status)
{
    bool good = status == 0 && e.o.is_good();
    std::string bound = e.bound ? "up to " + std::to_string(e.bound) : "any";

    current_scenario = index;
    for (const site *at = e.sites; at < e.sites + e.site_count; at++)
        if (at->scenarios[index])
            find_site(at->file, at->line, at->function, at->kind, at->order, at->failure);
    s->runs = e.o.runs;
    printf("%-50s %12lu %10lu %11s%s%s\n", s->name, e.o.runs - e.redundant, e.redundant,
           bound.c_str(), good ? "" : "  FAILED: ",
           good          ? ""
           : status != 0 ? "its process died"
           : e.o.missed  ? "a goal is out of reach"
                         : rl::test_result_str(e.o.result));
    fflush(stdout);
    return good;
}

static bool explore_all(const char *filter)
{
    std::vector<scenario *> chosen;
    bool good = true;

    for (scenario *s = scenarios; s; s = s->next)
        if (strstr(s->name, filter))
            chosen.push_back(s);
    explored *results = shared_array<explored>(chosen.size());
    printf("%-50s %12s %10s %11s\n", "scenario", "interleavings", "redundant", "preemptions");
    in_processes(
        chosen.size(), [&](size_t i) { explore_one(chosen[i], i, &results[i]); },
        [&](size_t i, int status) { good &= note(chosen[i], i, results[i], status); });
    return good;
}

static std::string without_comments(std::string text)
{
    for (size_t at; (at = text.find("/*")) != std::string::npos;)
        text.erase(at, text.find("*/", at + 2) + 2 - at);
    return text;
}

/* Calls of atomic_* and __atomic_*, except atomic_init and atomic_signal_fence. <regex> takes longer to
 * compile than all of this file. */
static long count_operations(const std::string &text)
{
    auto in_word = [](char c) { return c == '_' || isalnum((unsigned char)c); };
    long count = 0;

    for (size_t at = 0; (at = text.find("atomic_", at)) != std::string::npos;) {
        size_t word = at >= 2 && text.compare(at - 2, 2, "__") == 0 ? at - 2 : at;
        bool counts = (word == 0 || !in_word(text[word - 1])) &&
                      text.compare(at + 7, 4, "init") != 0 &&
                      text.compare(at + 7, 12, "signal_fence") != 0;
        while (at < text.size() && in_word(text[at]))
            at++;
        at = std::min(text.find_first_not_of(" \t\n", at), text.size());
        count += counts && at < text.size() && text[at] == '(';
    }
    return count;
}

/* Every operation that stands in a header must be one that a scenario comes by. */
static bool all_reached(const char *file)
{
    std::ifstream in(file);
    std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    long written = count_operations(without_comments(text)), found = 0;

    for (int i = 0; i < site_count; i++)
        found += sites[i].kind != STEP && strcmp(sites[i].file, file) == 0;
    printf("%-24s %ld of %ld atomic operations reached\n", file, found, written);
    return found == written && found > 0;
}

/* The orders between one and relaxed. */
static std::vector<rl::memory_order> between(rl::memory_order order, enum kind kind)
{
    using namespace rl;

    if (order == mo_acq_rel)
        return {mo_acquire, mo_release};
    if (order != mo_seq_cst)
        return {};
    if (kind == LOAD)
        return {mo_acquire};
    if (kind == STORE)
        return {mo_release};
    return {mo_acq_rel, mo_acquire, mo_release};
}

/* Every order made relaxed, every write dropped, every comparison made to fail. */
static std::vector<mutant> make_mutants()
{
    std::vector<mutant> all;

    for (int i = 0; i < site_count; i++) {
        const site *s = &sites[i];
        if (s->order != rl::mo_relaxed)
            all.push_back({s, ORDER, rl::mo_relaxed});
        if (s->failure != rl::mo_relaxed)
            all.push_back({s, FAILURE_ORDER, rl::mo_relaxed});
        if (s->kind == COMPARE_EXCHANGE)
            all.push_back({s, NEVER, rl::mo_relaxed});
        if (s->kind != LOAD)
            all.push_back({s, DROPPED, rl::mo_relaxed});
    }
    return all;
}

static std::string describe(const mutant &m)
{
    std::string text = kinds[m.where->kind];

    switch (m.change) {
    case ORDER:
        return text + " " + rl::format(m.where->order) + " -> " + rl::format(m.to);
    case FAILURE_ORDER:
        return text + " failing " + rl::format(m.where->failure) + " -> " + rl::format(m.to);
    case DROPPED:
        return text + " dropped";
    case NEVER:
        return text + " always fails";
    case NOTHING:
        break;
    }
    return text;
}

/* Written by the process that ran the mutant. */
struct verdict_on_mutant {
    const scenario *caught_by; /* NULL: survived, unless the process died */
    rl::test_result_e result;
    int status; /* of the process */
};

/* Those that survive take the longest, for they meet every scenario. */
static const bool harmless_too = getenv("MODEL_HARMLESS");

/* Runs a mutant on the scenarios that come by it, shortest first; in a process of its own. */
static void try_mutant(const mutant &m, verdict_on_mutant *v)
{
    std::vector<const scenario *> order;
    unsigned i = 0;

    if (!harmless_too && find_harmless(m.where->function, describe(m)))
        return;
    for (const scenario *s = scenarios; s; s = s->next, i++)
        if (m.where->scenarios[i])
            order.push_back(s);
    std::sort(order.begin(), order.end(),
              [](const scenario *a, const scenario *b) { return a->runs < b->runs; });
    current = m;
    alarm(300); /* a mutant may go round in circles between two operations */
    for (const scenario *s : order) {
        v->caught_by = s;
        outcome o = s->explore(nullptr);
        v->result = o.result;
        if (!o.is_good())
            return;
    }
    v->caught_by = nullptr;
}

static std::string tell(const verdict_on_mutant &v)
{
    if (!v.caught_by)
        return "SURVIVES";
    std::string why = v.status != 0 ? std::string("killed by ") + strsignal(WTERMSIG(v.status))
                      : v.result == rl::test_result_success ? "a goal is out of reach"
                                                            : rl::test_result_str(v.result);
    return why + ": " + v.caught_by->name;
}

struct counts {
    size_t mutants = 0;
    int caught = 0, harmless = 0, surprises = 0;
};

/* True: caught. */
static bool judge(const mutant &m, const verdict_on_mutant &v, counts &c)
{
    std::string what = describe(m);
    const harmless *h = find_harmless(m.where->function, what);
    bool survives = !v.caught_by;
    bool late = WIFSIGNALED(v.status) && WTERMSIG(v.status) == SIGALRM; /* shows nothing */
    const char *remark = "";

    if (survives && h)
        c.harmless++, remark = h->reason;
    else if (survives || late || h)
        c.surprises++, remark = h && !late ? "NOT HARMLESS AFTER ALL" : "SURPRISE";
    else
        c.caught++;
    printf("%s:%u %s: %s\n    %s %s\n", m.where->file, m.where->line, m.where->function,
           what.c_str(), tell(v).c_str(), remark);
    return !survives;
}

/* An order that may as well be relaxed may be anything between: that is tried if not. */
static std::vector<mutant> run_some(const std::vector<mutant> &all, counts &c)
{
    auto *verdicts = shared_array<verdict_on_mutant>(all.size());
    std::vector<mutant> more;

    in_processes(
        all.size(), [&](size_t i) { try_mutant(all[i], &verdicts[i]); },
        [&](size_t i, int status) { verdicts[i].status = status; });
    for (size_t i = 0; i < all.size(); i++) {
        const mutant &m = all[i];
        if (!judge(m, verdicts[i], c) || (m.change != ORDER && m.change != FAILURE_ORDER))
            continue;
        for (rl::memory_order o : m.change == ORDER ? between(m.where->order, m.where->kind)
                                                    : between(m.where->failure, LOAD))
            more.push_back({m.where, m.change, o});
    }
    c.mutants += all.size();
    return more;
}

static bool run_mutants()
{
    counts c;

    run_some(run_some(make_mutants(), c), c);
    if (c.harmless != (int)std::size(harmless_mutants)) {
        printf("mutants.hpp explains mutants that there are not\n");
        c.surprises++;
    }
    printf("# %zu mutants: %d caught, %d harmless as explained%s, %d surprises\n", c.mutants,
           c.caught, c.harmless, harmless_too ? "" : " and not tried", c.surprises);
    return c.surprises == 0;
}

static int run(const char *filter)
{
    bool good = explore_all(filter ? filter : "");
    unsigned long runs = 0, count = 0;

    if (filter || !good)
        return !good;
    for (const scenario *s = scenarios; s; s = s->next, count++)
        runs += s->runs;
    for (const char *header :
         {"src/task/task_state.h", "src/task/inbox.h",         "src/task/pushers.h",
          "src/base/lock.h",       "src/base/parker.h",        "src/core/baton.h",
          "src/core/newcomers.h",  "src/core/steal_queue.h",   "src/core/share.c",
          "src/sync/wait_word.h",  "src/sync/owned_lock.h",    "src/sync/owned_lock.c",
          "src/task/claim.h",      "src/task/freeze.h",        "src/task/freeze.c",
          "src/debug/walk.c",      "src/core/runtime_tasks.c", "src/core/timer_queue.c",
          "src/core/io_source.c",  "src/core/io_try.h",        "src/core/reactor.c",
          "src/core/pool.c"})
        good &= all_reached(header);
    printf("# %lu scenarios, %lu interleavings, none fails\n", count, runs);
    good &= run_mutants();
    return !good;
}

} // namespace model

int main(int argc, char **argv)
{
    model::deep = getenv("MODEL_DEEP") ? 1 : 0;
    return model::run(argc > 1 ? argv[1] : nullptr);
}
