/* Mutants that no scenario can tell from the original, each with the reason why that is right. */
#ifndef MODEL_MUTANTS_HPP
#define MODEL_MUTANTS_HPP

#include <cstring>
#include <string>

namespace model
{

struct harmless {
    const char *function, *what, *reason;
};

/* In freeze.h: busy and frozen are written, then read, by read-modify-writes. That acquire and
 * release pair on one of the two is enough for one side to see the other (C11); Relacy's own order
 * of read-modify-writes says no less. */
#define EITHER "the read-modify-writes of the other word order the two sides as well"
#define NO_MORE "acquire and release are enough between read-modify-writes"

/* Of steal_queue.h: by C11 the slot that steal_take reads might hold what is put there once head has
 * moved. */
#define NO_FUTURE "in Relacy no load sees what is written after it"

/* Of io_source.h: what a report and a try tell each other is in the kernel, whose calls order themselves;
 * of memory there is nothing. */
#define IN_KERNEL "it orders calls of the kernel, which here order themselves"

/* Of runtime_tasks.c: an executor learns of a round by the order of the flag that tells it to cancel, or
 * by that of the round itself. */
#define ROUND "the flag and the round each order what the other tells"

/* Of pool.c and process.c: it changes under the lock, and is read under it before. */
#define LOCKED "it is under the lock, which orders it"

static const harmless harmless_mutants[] = {
    {"state_join_disarm", "compare_exchange acquire -> relaxed",
     "success needs no order; C11 before C17 wants it no weaker than failure"},
    {"claim_close", "compare_exchange acquire -> relaxed",
     "success finds what the same thread has left there; C11 before C17 wants it no weaker than "
     "failure"},
    {"owned_enter_slowly", "compare_exchange acquire -> relaxed",
     "success is followed by the barrier; C11 before C17 wants it no weaker than failure"},
    {"lock_try", "compare_exchange always fails",
     "whoever wants it takes the slow way, and has it"},
    {"end_poll", "store dropped", "what is suspended is found as polled, and less is told of it"},
    {"inbox_wait", "load acquire -> relaxed",
     "who is kicked would by C11 be allowed to look at an old count, and take a second kick: a "
     "read-modify-write comes before that look here, and sees the last"},
    {"baton_hand_over", "compare_exchange seq_cst -> relaxed",
     "it is failure that must see the other side; success continues what baton_return released, "
     "and C11 before C17 wants it no weaker than failure"},
    {"inbox_kick", "compare_exchange release -> relaxed",
     "Relacy's order of what is sequentially consistent is that in which it runs: the owner sees "
     "what was announced. By C11 it might not, and leave the others in peace for a while"},
    {"runtime_close", "load seq_cst -> relaxed", ROUND},
    {"runtime_close", "compare_exchange seq_cst -> relaxed", ROUND},
    {"runtime_close", "compare_exchange failing seq_cst -> relaxed", ROUND},
    {"runtime_round", "load seq_cst -> relaxed", ROUND},
    {"executor_cancel_all", "store seq_cst -> relaxed", ROUND},
    {"turn", "exchange seq_cst -> relaxed", ROUND},
    {"turn", "exchange dropped", "those who have been cancelled are so again"},
    {"runtime_count_tasks", "load acquire -> relaxed", "a number, of which nothing hangs"},
    {"runtime_reopen", "fetch_and seq_cst -> relaxed", "it tells of nothing else"},
    {"runtime_uncount", "fetch_sub release -> relaxed",
     "whoever frees looks under the lock, too"},
    {"wait_for_call", "load seq_cst -> relaxed", LOCKED},
    {"call_all", "fetch_add seq_cst -> relaxed", LOCKED},
    {"tell_empty", "fetch_add seq_cst -> relaxed", LOCKED},
    {"pool_begin", "fetch_add seq_cst -> relaxed", LOCKED},
    {"empty", "load seq_cst -> relaxed", LOCKED},
    {"process_exits", "load seq_cst -> relaxed", LOCKED},
    {"take_list", "store seq_cst -> relaxed", LOCKED},
    {"at_exit", "store seq_cst -> relaxed",
     "whoever waits is told under the lock, and looks again"},
    {"source_pin", "fetch_add acquire -> relaxed", IN_KERNEL},
    {"source_poll_known", "load acquire -> relaxed", IN_KERNEL},
    {"try_or_wait", "load acquire -> relaxed", IN_KERNEL},
    {"source_ready", "compare_exchange acq_rel -> relaxed", IN_KERNEL},
    {"trale_close", "fetch_or seq_cst -> relaxed",
     "who pins comes before it, and is waited for, or sees it: that is on one word"},
    {"source_register", "fetch_or seq_cst -> relaxed", "it tells of nothing else"},
    {"source_poll_known", "step dropped", "whoever waits asks again, under the lock"},
    {"source_wait", "store dropped",
     "what is detached after fewer in a row than it might is watched again all the same"},
    {"reactor_remove", "fetch_sub dropped", "epoll is asked once more, in vain"},
    {"release_retired", "store dropped", "the lock is taken once more, in vain"},
    {"steal_push", "load acquire -> relaxed", NO_FUTURE},
    {"steal_take", "compare_exchange release -> relaxed", NO_FUTURE},
    {"freeze_begin", "exchange seq_cst -> relaxed", EITHER},
    {"freeze_await", "fetch_or seq_cst -> acq_rel", NO_MORE},
    {"freeze_await", "fetch_or seq_cst -> acquire", EITHER},
    {"section_begin", "exchange seq_cst -> relaxed", EITHER},
    {"section_begin", "fetch_or seq_cst -> acq_rel", NO_MORE},
    {"section_begin", "fetch_or seq_cst -> acquire", EITHER},
    {"section_wait", "exchange seq_cst -> relaxed", EITHER},
    {"section_wait", "fetch_or seq_cst -> acq_rel", NO_MORE},
    {"section_wait", "fetch_or seq_cst -> acquire", EITHER},
    {"section_wait", "load acquire -> relaxed",
     "the read-modify-write of frozen that follows acquires"},
};

inline const harmless *find_harmless(const char *function, const std::string &what)
{
    for (const harmless &h : harmless_mutants)
        if (strcmp(h.function, function) == 0 && what == h.what)
            return &h;
    return nullptr;
}

} // namespace model

#endif
