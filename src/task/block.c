#define _GNU_SOURCE /* MADV_HUGEPAGE */
#include "task/block.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>

#include "base/list.h"
#include "task/thread.h"

#define CHUNK ((uintptr_t)2 << 20) /* size and alignment: a huge page */
#define COLOURS 32
#define BATCH 64 /* moved between an executor's blocks and the shared ones */
#define SHARED_BYTES ((size_t)16 << 20) /* free blocks of a size that are kept mapped */

struct block {
    struct block *next; /* while it is free */
};

/*
 * Stands near its own start: which place of COLOURS, says the address. All of them at the very start
 * would fight for one set of the cache, and who frees a block among many would miss every time. All of
 * it under the pool's lock, but for kind, which does not change.
 */
struct chunk {
    _Alignas(64) struct trale_link link; /* on the pool's list while it has blocks to give */
    struct block *free;
    char *fresh;   /* from here on it is not cut into blocks yet */
    unsigned cut;  /* blocks so far */
    unsigned used; /* of them, those that are not free */
    unsigned kind;
};

static struct {
    pthread_mutex_t lock;
    struct trale_link chunks[BLOCK_KINDS]; /* lock: see there */
    size_t mapped[BLOCK_KINDS];            /* lock: chunks */
    size_t free[BLOCK_KINDS];              /* lock: blocks that are free */
    bool ready;                            /* lock: the lists are made */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t size_of(unsigned kind)
{
    return (kind + (size_t)1) * BLOCK_STEP;
}

/* The start of the chunk that address is in. */
static char *start_of(const void *address)
{
    return (char *)((uintptr_t)address & ~(CHUNK - 1));
}

static struct chunk *chunk_of(const void *address)
{
    char *start = start_of(address);

    return (struct chunk *)(void *)start + (uintptr_t)start / CHUNK % COLOURS;
}

static void *map(size_t size)
{
    void *start = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return start == MAP_FAILED ? NULL : start;
}

/* The kernel puts a mapping beside the one before, so it is often aligned as it is. */
static char *map_aligned(void)
{
    char *start = map(CHUNK);
    size_t before;

    if (!start || (uintptr_t)start % CHUNK == 0)
        return start;
    munmap(start, CHUNK);
    start = map(2 * CHUNK);
    if (!start)
        return NULL;
    before = CHUNK - (uintptr_t)start % CHUNK;
    munmap(start, before);
    munmap(start + before + CHUNK, CHUNK - before);
    return start + before;
}

/* Under the lock. */
static struct chunk *chunk_new(unsigned kind)
{
    char *start = map_aligned();
    struct chunk *c;

    if (!start)
        return NULL;
    if (pool.mapped[kind]++ > 0)
        madvise(start, CHUNK, MADV_HUGEPAGE);
    c = chunk_of(start);
    *c = (struct chunk){.kind = kind, .fresh = (char *)(c + 1)};
    list_push_back(&pool.chunks[kind], &c->link);
    return c;
}

static bool has_fresh(const struct chunk *c)
{
    return c->fresh + size_of(c->kind) <= start_of(c) + CHUNK;
}

/* Under the lock. NULL: no memory. */
static struct block *take_shared(unsigned kind)
{
    struct chunk *c = container_of(pool.chunks[kind].next, struct chunk, link);
    struct block *block;

    if (list_empty(&pool.chunks[kind]) && !(c = chunk_new(kind)))
        return NULL;
    block = c->free;
    if (block) {
        c->free = block->next;
        pool.free[kind]--;
    } else {
        block = (struct block *)(void *)c->fresh;
        c->fresh += size_of(kind);
        c->cut++;
    }
    c->used++;
    if (!c->free && !has_fresh(c))
        list_remove(&c->link);
    return block;
}

/* Under the lock. None of its blocks is in use. Even that can fail, see stack.c. */
static void release(struct chunk *c)
{
    unsigned kind = c->kind, cut = c->cut;

    list_remove(&c->link);
    if (munmap(start_of(c), CHUNK) != 0) {
        list_push_front(&pool.chunks[kind], &c->link); /* block_pool_empty has been there */
        return;
    }
    pool.free[kind] -= cut;
    pool.mapped[kind]--;
}

/* Under the lock. */
static void put_shared(struct block *block)
{
    struct chunk *c = chunk_of(block);
    unsigned kind = c->kind;

    if (!c->free && !has_fresh(c))
        list_push_front(&pool.chunks[kind], &c->link);
    block->next = c->free;
    c->free = block;
    c->used--;
    pool.free[kind]++;
    if (c->used > 0 || pool.free[kind] * size_of(kind) <= SHARED_BYTES)
        return;
    release(c);
}

void block_pool_lock(void)
{
    pthread_mutex_lock(&pool.lock);
    for (unsigned kind = 0; !pool.ready && kind < BLOCK_KINDS; kind++)
        list_init(&pool.chunks[kind]);
    pool.ready = true;
}

void block_pool_unlock(void)
{
    pthread_mutex_unlock(&pool.lock);
}

static void push(struct block_cache *cache, unsigned kind, struct block *block)
{
    block->next = cache->free[kind];
    cache->free[kind] = block;
    cache->count[kind]++;
}

static struct block *pop(struct block_cache *cache, unsigned kind)
{
    struct block *block = cache->free[kind];

    if (block) {
        cache->free[kind] = block->next;
        cache->count[kind]--;
    }
    return block;
}

/* An executor takes some more home than it needs now. */
static struct block *get(unsigned kind, struct block_cache *own)
{
    struct block *block, *more;

    block_pool_lock();
    block = take_shared(kind);
    for (int i = 1; own && block && i < BATCH && (more = take_shared(kind)); i++)
        push(own, kind, more);
    block_pool_unlock();
    return block;
}

void *block_get(size_t size)
{
    unsigned kind = (unsigned)((size - 1) / BLOCK_STEP);
    struct block_cache *own = this_thread.blocks;
    struct block *block = own ? pop(own, kind) : NULL;

    return block ? block : get(kind, own);
}

void block_put(void *memory)
{
    struct block_cache *own = this_thread.blocks;
    struct block *block = memory;
    unsigned kind = chunk_of(block)->kind;

    if (own) {
        push(own, kind, block);
        if (own->count[kind] < 2 * BATCH)
            return;
    }
    block_pool_lock();
    if (own)
        for (int i = 0; i < BATCH; i++)
            put_shared(pop(own, kind));
    else
        put_shared(block);
    block_pool_unlock();
}

void block_cache_flush(struct block_cache *cache)
{
    struct block *block;

    block_pool_lock();
    for (unsigned kind = 0; kind < BLOCK_KINDS; kind++)
        while ((block = pop(cache, kind)))
            put_shared(block);
    block_pool_unlock();
}

void block_pool_empty(void)
{
    struct trale_link *link, *next;

    block_pool_lock();
    for (unsigned kind = 0; kind < BLOCK_KINDS; kind++)
        for (link = pool.chunks[kind].next; link != &pool.chunks[kind]; link = next) {
            struct chunk *c = container_of(link, struct chunk, link);

            next = link->next;
            if (c->used == 0)
                release(c);
        }
    block_pool_unlock();
}
