#include "task/stack.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "task/stack_annotate.h"
#include "task/thread.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

#define SIZE_MIN ((size_t)16 << 10)
#define CHUNK ((size_t)1 << 20) /* mapped at once, for stacks that are smaller */
#define BATCH 32                /* moved between an executor's stacks and the shared ones */
#define SHARED_BYTES ((size_t)256 << 20) /* free stacks of a size that are kept mapped */
#define COLOURS 16
#define COLOUR_STEP 128

/* Fresh memory of a chunk that is not a stack yet. */
struct fresh {
    char *next, *end;
};

static struct {
    pthread_mutex_t lock;
    struct stack_cache cache;        /* lock */
    struct fresh fresh[STACK_KINDS]; /* lock */
    unsigned made;                   /* lock: what colour comes next */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t size_of(unsigned kind)
{
    return SIZE_MIN << kind;
}

/* Guard, stack, and a page more for what stands at the top: whoever asks for 64 KiB gets them.
 * Whole pages, also where a page is larger than the smallest stack. */
static size_t span_of(unsigned kind)
{
    size_t page = page_size();

    return (size_of(kind) + page - 1) / page * page + 2 * page;
}

static unsigned kind_of(size_t size)
{
    unsigned kind = 0;

    while (kind < STACK_KINDS && size_of(kind) < size)
        kind++;
    return kind;
}

static void push(struct stack_cache *cache, struct stack *stack)
{
    stack->next = cache->free[stack->kind];
    cache->free[stack->kind] = stack;
    cache->count[stack->kind]++;
}

static struct stack *pop(struct stack_cache *cache, unsigned kind)
{
    struct stack *stack = cache->free[kind];

    if (stack) {
        cache->free[kind] = stack->next;
        cache->count[kind]--;
    }
    return stack;
}

/*
 * A guard marker lives in the page tables and leaves the mapping whole, so a million stacks are a
 * few mappings; mprotect splits it, and meets vm.max_map_count at about 32,750 stacks.
 */
static bool guard(char *page)
{
    static atomic_bool old_kernel; /* a hint: relaxed, every thread may find out for itself */

    if (!atomic_load_explicit(&old_kernel, memory_order_relaxed)) {
        if (madvise(page, page_size(), MADV_GUARD_INSTALL) == 0)
            return true;
        if (errno != ENOMEM && errno != EINTR)
            atomic_store_explicit(&old_kernel, true, memory_order_relaxed);
    }
    return mprotect(page, page_size(), PROT_NONE) == 0;
}

/* Under the lock. What is left of an old chunk is less than a stack: none is. */
static bool map_chunk(unsigned kind)
{
    size_t span = span_of(kind), size = span < CHUNK ? CHUNK / span * span : span;
    char *chunk = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

    if (chunk == MAP_FAILED)
        return false;
    madvise(chunk, size, MADV_NOHUGEPAGE); /* a huge page per fiber would defeat the point */
    pool.fresh[kind] = (struct fresh){chunk, chunk + size};
    return true;
}

/* Under the lock. */
static struct stack *make(unsigned kind)
{
    struct fresh *fresh = &pool.fresh[kind];
    struct stack *stack;
    char *low;

    if (fresh->next == fresh->end && !map_chunk(kind))
        return NULL;
    if (!guard(fresh->next))
        return NULL;
    low = fresh->next + page_size();
    fresh->next += span_of(kind);
    stack = (struct stack *)(void *)fresh->next - 1;
    *stack = (struct stack){.low = low, .size = size_of(kind), .kind = kind};
    stack->colour = pool.made++ % COLOURS * COLOUR_STEP;
    stack_annotate_made(low, fresh->next);
    return stack;
}

/* Under the lock; an executor takes some more home. */
static struct stack *get_shared(unsigned kind, struct stack_cache *own)
{
    struct stack *stack;

    for (int i = 0; own && i < BATCH && pool.cache.free[kind]; i++)
        push(own, pop(&pool.cache, kind));
    stack = pop(own ? own : &pool.cache, kind);
    return stack ? stack : make(kind);
}

struct stack *stack_get(size_t size)
{
    unsigned kind = kind_of(size);
    struct stack_cache *own = this_thread.stacks;
    struct stack *stack;

    if (kind == STACK_KINDS)
        return NULL;
    if (own && own->free[kind])
        return pop(own, kind);
    pthread_mutex_lock(&pool.lock);
    stack = get_shared(kind, own);
    pthread_mutex_unlock(&pool.lock);
    return stack;
}

/* False: even that can fail, for it may split a mapping (munmap(2)). */
static bool unmap(struct stack *stack)
{
    struct stack old = *stack;
    char *end = (char *)(stack + 1);

    stack_annotate_unmade(old.low, end);
    if (munmap(old.low - page_size(), span_of(old.kind)) == 0)
        return true;
    stack_annotate_made(old.low, end);
    return false;
}

/* Under the lock. */
static void put_shared(struct stack *stack)
{
    size_t kept = pool.cache.count[stack->kind] * size_of(stack->kind);

    if (kept < SHARED_BYTES || !unmap(stack))
        push(&pool.cache, stack);
}

void stack_put(struct stack *stack)
{
    struct stack_cache *own = this_thread.stacks;
    unsigned kind = stack->kind;

    stack_annotate_unused(stack->low, (char *)stack);
    if (own) {
        push(own, stack);
        if (own->count[kind] < 2 * BATCH)
            return;
        pthread_mutex_lock(&pool.lock);
        for (int i = 0; i < BATCH; i++)
            put_shared(pop(own, kind));
    } else {
        pthread_mutex_lock(&pool.lock);
        put_shared(stack);
    }
    pthread_mutex_unlock(&pool.lock);
}

/*
 * Stacks that begin at the same place of a page fight for the same sets of the cache: a ring of
 * 1,000 fibers runs from a third to a half faster when they begin at sixteen different places.
 */
char *stack_top(struct stack *stack)
{
    return (char *)((uintptr_t)stack & ~(uintptr_t)15) - stack->colour;
}

bool stack_guards(const struct stack *stack, const void *address)
{
    const char *a = address;

    return a < stack->low && a >= stack->low - page_size();
}

void stack_cache_flush(struct stack_cache *cache)
{
    struct stack *stack;

    pthread_mutex_lock(&pool.lock);
    for (unsigned kind = 0; kind < STACK_KINDS; kind++)
        while ((stack = pop(cache, kind)))
            put_shared(stack);
    pthread_mutex_unlock(&pool.lock);
}

/* Under the lock. What cannot be unmapped stays for use. */
static void empty(unsigned kind)
{
    struct fresh *fresh = &pool.fresh[kind];
    struct stack_cache old = pool.cache;
    struct stack *stack;

    pool.cache.free[kind] = NULL;
    pool.cache.count[kind] = 0;
    while ((stack = pop(&old, kind)))
        if (!unmap(stack))
            push(&pool.cache, stack);
    if (fresh->next != fresh->end && munmap(fresh->next, (size_t)(fresh->end - fresh->next)) == 0)
        *fresh = (struct fresh){0};
}

void stack_pool_empty(void)
{
    pthread_mutex_lock(&pool.lock);
    for (unsigned kind = 0; kind < STACK_KINDS; kind++)
        empty(kind);
    pthread_mutex_unlock(&pool.lock);
}

void stack_pool_lock(void)
{
    pthread_mutex_lock(&pool.lock);
}

void stack_pool_unlock(void)
{
    pthread_mutex_unlock(&pool.lock);
}
