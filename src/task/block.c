#define _GNU_SOURCE /* MADV_HUGEPAGE */
#include "task/block.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>

#include "base/list.h"
#include "task/thread.h"

#define CHUNK ((uintptr_t)2 << 20) /* size and alignment: a huge page */
#define FIRST (CHUNK / 2)          /* so much of the first of a size is used, on small pages */
#define COLOURS 32
#define SMALL 32 /* kinds */
#define STEP 16  /* between them */
#define LINE 64

/* So many small ones are moved at once between an executor's and the shared; fewer large ones. */
#define BATCH 64
#define SHARED_BYTES ((size_t)16 << 20) /* free blocks of a size that are kept mapped */

struct block {
    struct block *next; /* while it is free */
};

/*
 * Stands near its own start: which place of COLOURS, says the address. All of them at the very start
 * would fight for one set of the cache, and who frees a block among many would miss every time. All of
 * it under the pool's lock, but for kind and batch, which do not change.
 */
struct chunk {
    _Alignas(64) struct trale_link link; /* on the pool's list while it has blocks to give */
    struct block *free;
    char *fresh;   /* from here on it is not cut into blocks yet */
    char *end;     /* up to here it will be */
    unsigned cut;  /* blocks so far */
    unsigned used; /* of them, those that are not free */
    unsigned kind;
    unsigned batch; /* see BATCH */
};

static struct {
    pthread_mutex_t lock;
    struct trale_link chunks[BLOCK_KINDS]; /* lock: see there */
    size_t mapped[BLOCK_KINDS];            /* lock: chunks */
    size_t free[BLOCK_KINDS];              /* lock: blocks that are free */
    bool ready;                            /* lock: the lists are made */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* A large one is a line more than a number that is rounder: no two of a few stand at the same place
 * of their page. */
static size_t size_of(unsigned kind)
{
    unsigned large = kind - SMALL;

    if (kind < SMALL)
        return (kind + (size_t)1) * STEP;
    return ((8 + (size_t)large % 8) * LINE << large / 8) + LINE;
}

static unsigned kind_of_large(size_t size)
{
    size_t rest = size - LINE - 1; /* in units of LINE << octave it is 8 to 15 */
    unsigned octave;

    if (rest < 8 * LINE)
        return SMALL;
    octave = (unsigned)__builtin_clzl(8 * LINE) - (unsigned)__builtin_clzl(rest);
    return SMALL + 8 * octave + (unsigned)(rest / LINE >> octave) - 8 + 1;
}

static unsigned kind_of(size_t size)
{
    return size <= SMALL * STEP ? (unsigned)((size - 1) / STEP) : kind_of_large(size);
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

/* Under the lock. The first of a size stays on small pages, and ends early: whoever has only a few
 * blocks does not pay for a huge page. */
static struct chunk *chunk_new(unsigned kind)
{
    char *start = map_aligned();
    bool first = pool.mapped[kind] == 0;
    struct chunk *c;

    if (!start)
        return NULL;
    madvise(start, CHUNK, first ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
    c = chunk_of(start);
    *c = (struct chunk){.kind = kind,
                        .batch = kind < SMALL ? BATCH : BATCH / 2 >> (kind - SMALL) / 8,
                        .fresh = (char *)(c + 1),
                        .end = start + (first ? FIRST : CHUNK)};
    list_push_back(&pool.chunks[kind], &c->link);
    pool.mapped[kind]++;
    return c;
}

static bool has_fresh(const struct chunk *c)
{
    return c->fresh + size_of(c->kind) <= c->end;
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
static __attribute__((noinline)) struct block *get(unsigned kind, struct block_cache *own)
{
    struct block *block, *more;

    block_pool_lock();
    block = take_shared(kind);
    for (unsigned i = 1; own && block && i < chunk_of(block)->batch; i++) {
        more = take_shared(kind);
        if (!more)
            break;
        push(own, kind, more);
    }
    block_pool_unlock();
    return block;
}

void *block_get(size_t size)
{
    unsigned kind = kind_of(size);
    struct block_cache *own = this_thread.blocks;
    struct block *block = own ? pop(own, kind) : NULL;

    return block ? block : get(kind, own);
}

/* An executor that has many gives some of them. */
static __attribute__((noinline)) void put(struct block *block, struct block_cache *own)
{
    const struct chunk *c = chunk_of(block);
    unsigned kind = c->kind, batch = c->batch;

    block_pool_lock();
    if (!own)
        put_shared(block);
    else
        for (unsigned i = 0; i < batch; i++)
            put_shared(pop(own, kind));
    block_pool_unlock();
}

void block_put(void *memory)
{
    struct block_cache *own = this_thread.blocks;
    const struct chunk *c = chunk_of(memory);

    if (own)
        push(own, c->kind, memory);
    if (!own || own->count[c->kind] == 2 * c->batch)
        put(memory, own);
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
