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

#define CHUNK ((size_t)2 << 20) /* as in block.c */

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

static int small, huge; /* chunks */

int madvise(void *start, size_t size, int advice)
{
    bool whole = (uintptr_t)start % CHUNK == 0 && size == CHUNK;
    small += advice == MADV_NOHUGEPAGE && whole;
    huge += advice == MADV_HUGEPAGE && whole;
    return (int)syscall(SYS_madvise, start, size, advice);
}

static void *blocks[MANY];
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

static unsigned free_in(const struct block_cache *cache)
{
    unsigned n = 0;
    for (unsigned i = 0; i < BLOCK_KINDS; i++)
        n += cache->count[i];
    return n;
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

/* All small ones, and some of each large kind, which begins after a multiple of 64. */
static size_t next_size(size_t size)
{
    size_t rest = size % 64;
    return size <= 512 || rest < 2 ? size + 1 : size - rest + 64;
}

START_TEST(blocks_of_every_size_are_aligned_and_apart)
{
    for (size_t size = 1; size <= BLOCK_MAX; size = next_size(size)) {
        blocks[size] = block_get(size);
        ck_assert_ptr_nonnull(blocks[size]);
        ck_assert_uint_eq((uintptr_t)blocks[size] % 16, 0);
        fill(blocks[size], size, (unsigned)size);
    }
    for (size_t size = 1; size <= BLOCK_MAX; size = next_size(size)) {
        check_filled(blocks[size], size, (unsigned)size);
        block_put(blocks[size]);
    }
}
END_TEST

/* How far apart two are that were never used: all others are held meanwhile. */
static size_t distance(size_t size)
{
    char *first = block_get(size), *second = block_get(size);
    size_t apart = (size_t)(first < second ? second - first : first - second);
    block_put(first);
    block_put(second);
    return apart;
}

START_TEST(none_wastes_more_than_an_eighth_of_it_and_a_line)
{
    block_pool_empty();
    for (size_t size = 1; size <= BLOCK_MAX; size = next_size(size)) {
        size_t apart = distance(size);
        ck_assert_uint_ge(apart, size);
        ck_assert_uint_le(apart, size + (size <= 512 ? 15 : size / 8 + 64));
    }
    ck_assert_uint_eq(distance(BLOCK_MAX), BLOCK_MAX);
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
    ck_assert_uint_eq(free_in(&cache), 0);
    this_thread.blocks = NULL;
}
END_TEST

/* What it keeps of one size is less than 64 KiB. */
START_TEST(who_needs_one_takes_some_home)
{
    static const struct {
        size_t size;
        unsigned at_once;
    } cases[] = {{1, 64}, {512, 64}, {513, 32}, {4400, 4}, {8257, 2}, {BLOCK_MAX, 1}};
    struct block_cache cache = {0};
    this_thread.blocks = &cache;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        unsigned most = 0, at_once = cases[c].at_once, kept, n = 4 * at_once;
        blocks[0] = block_get(cases[c].size);
        ck_assert_uint_eq(free_in(&cache), at_once - 1);
        for (unsigned i = 1; i < n; i++)
            blocks[i] = block_get(cases[c].size);
        ck_assert_uint_eq(free_in(&cache), 0);
        for (unsigned i = 0; i < n; i++) {
            block_put(blocks[i]);
            kept = free_in(&cache);
            most = kept > most ? kept : most;
        }
        ck_assert_uint_eq(most, 2 * at_once - 1);
        block_cache_flush(&cache);
    }
    this_thread.blocks = NULL;
}
END_TEST

/* Twice, for the last one takes the memory of it along. */
START_TEST(the_first_chunk_of_a_size_is_small)
{
    static const size_t sizes[] = {112, 4400};
    block_pool_empty();
    for (int round = 0; round < 4; round++) {
        size_t size = sizes[round / 2], n = 0;
        small = huge = 0;
        for (; huge < 2 && n < MANY; n++) {
            blocks[n] = block_get(size);
            ck_assert_int_eq(small, 1);
            ck_assert(huge > 0 || n * size < CHUNK / 2);
            fill(blocks[n], size, (unsigned)n);
        }
        ck_assert_int_eq(huge, 2);
        ck_assert_uint_gt(n * size, CHUNK * 5 / 4); /* a block has some more than was asked for */
        while (n-- > 0) {
            check_filled(blocks[n], size, (unsigned)n);
            block_put(blocks[n]);
        }
        block_pool_empty();
    }
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

TEST_MAIN("block", blocks_of_every_size_are_aligned_and_apart,
          none_wastes_more_than_an_eighth_of_it_and_a_line, who_needs_one_takes_some_home,
          the_first_chunk_of_a_size_is_small, the_last_one_is_used_again_first,
          wherever_the_kernel_puts_a_chunk, what_cannot_be_unmapped_is_used_again,
          many_come_and_go, another_thread_may_give_them_back)
