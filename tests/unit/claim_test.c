/* The claim of a select: who comes while it polls, while it waits, and when it is decided. */
#include "suite.h"

#include <pthread.h>
#include <sched.h>

#include "task/claim.h"

START_TEST(who_comes_while_it_waits_may_complete_an_arm)
{
    claim_word w = CLAIM_POLLING;

    ck_assert(claim_open(&w, false));
    ck_assert(claim_begin(&w, false));
    ck_assert(!claim_begin(&w, true)); /* another one */
    ck_assert(!claim_is_taken(&w));
    claim_finish(&w);
    ck_assert(claim_is_taken(&w));
    ck_assert(!claim_begin(&w, true));
    ck_assert(!claim_close(&w));
    ck_assert(claim_open(&w, true)); /* it waits for the rest of what was taken */
}
END_TEST

START_TEST(who_comes_while_it_polls_may_not)
{
    claim_word w = CLAIM_POLLING;

    ck_assert(!claim_begin(&w, false));
    ck_assert(claim_open(&w, false));
    ck_assert(claim_close(&w));
    ck_assert(claim_close(&w));
}
END_TEST

START_TEST(who_would_wait_has_it_poll_again)
{
    claim_word w = CLAIM_POLLING;

    ck_assert(!claim_begin(&w, true));
    ck_assert(!claim_begin(&w, true));
    ck_assert(!claim_open(&w, false));
    ck_assert(claim_open(&w, false));
}
END_TEST

START_TEST(an_arm_that_is_settled_on_closes_it)
{
    claim_word w = CLAIM_POLLING;

    ck_assert(claim_open(&w, true));
    ck_assert(claim_is_taken(&w));
}
END_TEST

/* Two others and who polls, at once: one of the others has it, or nobody and it can be opened. */
enum { ROUNDS = 20000 };

static struct {
    claim_word word;
    atomic_int round, ended; /* how often it began, how many have ended it */
    atomic_int claimed;
} race;

static void *claim(void *arg)
{
    for (int round = 1; round <= test_scale(ROUNDS); round++) {
        while (atomic_load(&race.round) < round)
            sched_yield();
        if (claim_begin(&race.word, false)) {
            for (int i = 0; i < round % 50; i++)
                spin_relax();
            atomic_fetch_add(&race.claimed, 1);
            claim_finish(&race.word);
        }
        atomic_fetch_add(&race.ended, 1);
    }
    return arg;
}

START_TEST(one_of_all_has_it)
{
    pthread_t threads[2];
    int claimed = 0;
    bool closed;

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, claim, NULL), 0);
    for (int round = 1; round <= test_scale(ROUNDS); round++) {
        atomic_store(&race.word, CLAIM_OPEN);
        atomic_store(&race.round, round);
        for (int i = 0; i < round % 200; i++)
            spin_relax();
        closed = claim_close(&race.word);
        while (atomic_load(&race.ended) < 2 * round)
            sched_yield();
        claimed += !closed;
        ck_assert_int_eq(atomic_load(&race.claimed), claimed);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

TEST_MAIN("claim", who_comes_while_it_waits_may_complete_an_arm, who_comes_while_it_polls_may_not,
          who_would_wait_has_it_poll_again, an_arm_that_is_settled_on_closes_it,
          one_of_all_has_it)
