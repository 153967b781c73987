/* The blocks of stackless tasks: alignment, reuse, chunks that come and go, threads. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "seed.h"
#include "task/block.h"
#include "task/thread.h"

enum { MANY = 80000 }; /* of 240 bytes, more than are kept mapped when they are free */

static bool refuses;
static int refused, unmapped;

/* The library's calls, too. */
int munmap(void *start, size_t size)
{
    if (refuses) {
        refused++;
        errno = ENOMEM;
        return -1;
    }
    unmapped++;
    return (int)syscall(SYS_munmap, start, size);
}

static void *blocks[MANY];

#define CHUNK ((size_t)2 << 20) /* as in block.c */
static bool oddly, one_at_most;

/* Since Linux 6.7 what is as large as a huge page is aligned to one. */
void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    size_t odd = oddly ? 4096 : 0;
    char *start;

    if (one_at_most && size > CHUNK) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    start = (char *)syscall(SYS_mmap, at, size + 2 * odd, protection, flags, fd, offset);
    if (start == MAP_FAILED)
        return start;
    start += odd;
    return (uintptr_t)start % CHUNK == 0 ? start + odd : start;
}

static void fill(void *block, size_t size, unsigned i)
{
    memset(block, (int)(i % 251), size);
}

static void check_filled(const void *block, size_t size, unsigned i)
{
    const unsigned char *byte = block;
    for (size_t k = 0; k < size; k++)
        ck_assert_uint_eq(byte[k], i % 251);
}

START_TEST(blocks_of_every_size_are_aligned_and_apart)
{
    for (size_t size = 1; size <= BLOCK_MAX; size++) {
        blocks[size] = block_get(size);
        ck_assert_ptr_nonnull(blocks[size]);
        ck_assert_uint_eq((uintptr_t)blocks[size] % 16, 0);
        fill(blocks[size], size, (unsigned)size);
    }
    for (size_t size = 1; size <= BLOCK_MAX; size++) {
        check_filled(blocks[size], size, (unsigned)size);
        block_put(blocks[size]);
    }
}
END_TEST

START_TEST(the_last_one_is_used_again_first)
{
    struct block_cache cache = {0};
    this_thread.blocks = &cache;
    void *first = block_get(112), *second = block_get(112);
    block_put(first);
    block_put(second);
    ck_assert_ptr_eq(block_get(100), second);
    ck_assert_ptr_eq(block_get(112), first);
    ck_assert_ptr_ne(block_get(113), first);
    block_cache_flush(&cache);
    for (unsigned i = 0; i < BLOCK_KINDS; i++)
        ck_assert_uint_eq(cache.count[i], 0);
    this_thread.blocks = NULL;
}
END_TEST

/* Several chunks, given back in a random order, by a thread that has blocks of its own or not. */
static void get_and_put(uint64_t *seed)
{
    for (unsigned i = 0; i < MANY; i++) {
        blocks[i] = block_get(240);
        ck_assert_ptr_nonnull(blocks[i]);
        fill(blocks[i], 240, i);
    }
    for (unsigned left = MANY; left > 0; left--) {
        unsigned i = random_below(seed, left);
        fill(blocks[i], 8, i);
        block_put(blocks[i]);
        blocks[i] = blocks[left - 1];
    }
}

START_TEST(many_come_and_go)
{
    struct block_cache cache = {0};
    uint64_t seed = test_seed();
    for (unsigned round = 0; round < 4; round++) {
        this_thread.blocks = round % 2 ? &cache : NULL;
        get_and_put(&seed);
        if (round % 2)
            block_cache_flush(&cache);
        this_thread.blocks = NULL;
        block_pool_empty();
    }
}
END_TEST

START_TEST(wherever_the_kernel_puts_a_chunk)
{
    uint64_t seed = test_seed();
    oddly = true;
    get_and_put(&seed);
    block_pool_empty();
    one_at_most = true;
    ck_assert_ptr_null(block_get(240)); /* there is no room for one that is aligned */
    oddly = one_at_most = false;
    get_and_put(&seed);
}
END_TEST

/* munmap may want memory itself. */
START_TEST(what_cannot_be_unmapped_is_used_again)
{
    uint64_t seed = test_seed();
    refuses = true;
    get_and_put(&seed);
    refuses = false;
    ck_assert_int_gt(refused, 0);
    unmapped = 0;
    get_and_put(&seed);
    ck_assert_int_gt(unmapped, 0);
}
END_TEST

static void *put_all(void *arg)
{
    struct block_cache cache = {0};
    this_thread.blocks = arg ? &cache : NULL;
    for (unsigned i = 0; i < MANY / 2; i++) {
        check_filled(blocks[i], 64, i);
        block_put(blocks[i]);
    }
    block_cache_flush(&cache);
    return NULL;
}

START_TEST(another_thread_may_give_them_back)
{
    struct block_cache cache = {0};
    this_thread.blocks = &cache;
    for (int own = 0; own < 2; own++) {
        pthread_t thread;
        for (unsigned i = 0; i < MANY; i++)
            fill(blocks[i] = block_get(64), 64, i);
        ck_assert_int_eq(pthread_create(&thread, NULL, put_all, own ? &cache : NULL), 0);
        for (unsigned i = MANY / 2; i < MANY; i++) {
            check_filled(blocks[i], 64, i);
            block_put(blocks[i]);
        }
        pthread_join(thread, NULL);
    }
    block_cache_flush(&cache);
    this_thread.blocks = NULL;
    block_pool_empty();
}
END_TEST

TEST_MAIN("block", blocks_of_every_size_are_aligned_and_apart, the_last_one_is_used_again_first,
          wherever_the_kernel_puts_a_chunk, what_cannot_be_unmapped_is_used_again,
          many_come_and_go, another_thread_may_give_them_back)
