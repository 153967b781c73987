/* A key that is made when it is first needed: by one thread, or by two at once. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

static atomic_uint the_key;
static int keys; /* that there are */
static bool other_is_faster, none_left;

/* Another thread makes one at the same moment. */
static int create(pthread_key_t *key, void (*destructor)(void *))
{
    pthread_key_t other;

    if (none_left)
        return EAGAIN;
    if (other_is_faster && pthread_key_create(&other, destructor) == 0) {
        atomic_store(&the_key, other + 1);
        keys++;
    }
    keys++;
    return pthread_key_create(key, destructor);
}

static int discard(pthread_key_t key)
{
    keys--;
    return pthread_key_delete(key);
}

#define pthread_key_create create
#define pthread_key_delete discard
#include "task/thread_key.h"

START_TEST(the_first_makes_it)
{
    pthread_key_t first, second;

    ck_assert(thread_key_get(&the_key, NULL, &first));
    ck_assert(thread_key_get(&the_key, NULL, &second));
    ck_assert_uint_eq(first, second);
    ck_assert_int_eq(keys, 1);
}
END_TEST

START_TEST(of_two_one_stays)
{
    pthread_key_t key;

    other_is_faster = true;
    ck_assert(thread_key_get(&the_key, NULL, &key));
    ck_assert_uint_eq(key + 1, atomic_load(&the_key));
    ck_assert_int_eq(keys, 1);
}
END_TEST

START_TEST(without_any_it_can_be_made_later)
{
    pthread_key_t key;

    none_left = true;
    ck_assert(!thread_key_get(&the_key, NULL, &key));
    none_left = false;
    ck_assert(thread_key_get(&the_key, NULL, &key));
}
END_TEST

TEST_MAIN("thread_key", the_first_makes_it, of_two_one_stays, without_any_it_can_be_made_later)
