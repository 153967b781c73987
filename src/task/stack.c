#include "task/stack.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/list.h"
#include "task/stack_annotate.h"
#include "task/thread.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

#define SIZE_MIN ((size_t)16 << 10)
#define CHUNK ((size_t)4 << 20) /* mapped at once, for stacks that are smaller */
#define BATCH 64                /* moved between an executor's stacks and the shared ones */
#define SHARED_BYTES ((size_t)256 << 20) /* free stacks of a size that are kept mapped */
#define COLOURS 16
#define COLOUR_STEP 128

/*
 * A mapping that is cut into stacks, from the top down. It is unmapped as a whole, when all its
 * stacks are free: to unmap them one by one would leave a mapping for every gap, and the whole
 * process could map nothing any more (vm.max_map_count). Stands at its own upper end, on the top
 * page of its first stack. All of it under the pool's lock.
 */
struct chunk {
    struct trale_link link; /* on the pool's list: chunks with free stacks first, then those with
                             * some to cut; others are on none */
    char *start, *fresh;    /* the mapping; the part of it from start to fresh is not cut yet */
    struct stack *free;     /* those that are */
    unsigned used;          /* stacks that are not free */
};

static struct {
    pthread_mutex_t lock;
    struct trale_link chunks[STACK_KINDS]; /* lock: see there */
    size_t free[STACK_KINDS];              /* lock: stacks that are free */
    unsigned made;                         /* lock: what colour comes next */
    bool ready;                            /* lock: the lists are made */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t size_of(unsigned kind)
{
    return SIZE_MIN << kind;
}

/*
 * Guard, stack, and a page more for what stands at the top: whoever asks for 64 KiB gets them.
 * Whole pages, also where a page is larger than the smallest stack, and an odd number of them: the
 * top pages of stacks that are an even number apart have half of the processor's TLB to themselves,
 * or less, and a ring of 1,000 fibers takes twice as long.
 */
static size_t span_of(unsigned kind)
{
    size_t page = page_size();

    return (((size_of(kind) + page - 1) / page + 2) | 1) * page;
}

/* STACK_KINDS: there is none so large. */
static unsigned kind_of(size_t size)
{
    unsigned kind = size > SIZE_MIN ? 64 - (unsigned)__builtin_clzll((size - 1) / SIZE_MIN) : 0;

    return kind < STACK_KINDS ? kind : STACK_KINDS;
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

static size_t chunk_size(unsigned kind)
{
    size_t span = span_of(kind);

    return span < CHUNK ? CHUNK / span * span : span;
}

static char *chunk_end(const struct chunk *c)
{
    return (char *)(uintptr_t)(c + 1);
}

/* Under the lock. */
static struct chunk *chunk_new(unsigned kind)
{
    size_t size = chunk_size(kind);
    char *start = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    struct chunk *c;

    if (start == MAP_FAILED)
        return NULL;
    madvise(start, size, MADV_NOHUGEPAGE); /* a huge page per fiber would defeat the point */
    c = (struct chunk *)(void *)(start + size) - 1;
    *c = (struct chunk){.start = start, .fresh = start + size};
    list_push_back(&pool.chunks[kind], &c->link);
    return c;
}

/* All its stacks are free. */
static void chunk_annotate(const struct chunk *c, void (*annotate)(char *low, char *end))
{
    for (struct stack *stack = c->free; stack; stack = stack->next)
        annotate(stack->low, (char *)(stack + 1));
}

/* Under the lock. False: even that can fail, for it may split a mapping (munmap(2)). */
static bool chunk_unmap(struct chunk *c, unsigned kind)
{
    struct trale_link *before = c->link.prev;

    list_remove(&c->link);
    chunk_annotate(c, stack_annotate_unmade);
    if (munmap(c->start, chunk_size(kind)) == 0)
        return true;
    chunk_annotate(c, stack_annotate_made);
    list_push_front(before, &c->link); /* where it was */
    return false;
}

/* Under the lock. The chunk has some that is not cut yet. */
static struct stack *chunk_cut(struct chunk *c, unsigned kind)
{
    char *start = c->fresh - span_of(kind), *top = c->fresh;
    struct stack *stack;

    if (!guard(start))
        return NULL;
    c->fresh = start;
    if (top == chunk_end(c))
        top = (char *)c;
    stack = (struct stack *)(void *)top - 1;
    *stack = (struct stack){
        .low = start + page_size(), .size = size_of(kind), .kind = kind, .chunk = c};
    stack->colour = pool.made++ % COLOURS * COLOUR_STEP;
    stack_annotate_made(stack->low, top);
    return stack;
}

/* Under the lock. The last one that became free; NULL: none is. */
static struct stack *take_free(unsigned kind)
{
    struct chunk *c = container_of(pool.chunks[kind].next, struct chunk, link);
    struct stack *stack;

    if (list_empty(&pool.chunks[kind]) || !c->free)
        return NULL;
    stack = c->free;
    c->free = stack->next;
    c->used++;
    pool.free[kind]--;
    if (c->free)
        return stack;
    list_remove(&c->link);
    if (c->fresh != c->start)
        list_push_back(&pool.chunks[kind], &c->link);
    return stack;
}

/* Under the lock, when none is free: what is on the list has some to cut. */
static struct stack *make(unsigned kind)
{
    struct chunk *c = container_of(pool.chunks[kind].next, struct chunk, link);
    struct stack *stack;

    if (list_empty(&pool.chunks[kind]) && !(c = chunk_new(kind)))
        return NULL;
    stack = chunk_cut(c, kind);
    if (!stack)
        return NULL;
    c->used++;
    if (c->fresh == c->start)
        list_remove(&c->link);
    return stack;
}

/* Under the lock. Gives a chunk back to the system, if none of its stacks is in use. */
static void release(struct chunk *c, unsigned kind)
{
    unsigned free = 0;

    if (c->used > 0)
        return;
    for (const struct stack *stack = c->free; stack; stack = stack->next)
        free++;
    if (chunk_unmap(c, kind))
        pool.free[kind] -= free;
}

/* Under the lock. */
static void put_shared(struct stack *stack)
{
    unsigned kind = stack->kind;
    struct chunk *c = stack->chunk;

    if (!c->free) { /* so far it is at the end of the list, or on none */
        if (c->fresh != c->start)
            list_remove(&c->link);
        list_push_front(&pool.chunks[kind], &c->link);
    }
    stack->next = c->free;
    c->free = stack;
    c->used--;
    pool.free[kind]++;
    if (pool.free[kind] * size_of(kind) > SHARED_BYTES)
        release(c, kind);
}

static void make_lists(void)
{
    for (unsigned kind = 0; kind < STACK_KINDS; kind++)
        list_init(&pool.chunks[kind]);
    pool.ready = true;
}

void stack_pool_lock(void)
{
    pthread_mutex_lock(&pool.lock);
    if (!pool.ready)
        make_lists();
}

void stack_pool_unlock(void)
{
    pthread_mutex_unlock(&pool.lock);
}

/* An executor takes some more home than it needs now, if they are free. Not inline, for the sake of
 * who finds one there. */
static __attribute__((noinline)) struct stack *get(unsigned kind, struct stack_cache *own)
{
    struct stack *stack;

    stack_pool_lock();
    stack = take_free(kind);
    for (int i = 1; own && stack && i < BATCH; i++) {
        push(own, stack);
        stack = take_free(kind);
    }
    if (!stack)
        stack = own && own->free[kind] ? pop(own, kind) : make(kind);
    stack_pool_unlock();
    return stack;
}

struct stack *stack_get(size_t size)
{
    unsigned kind = kind_of(size);
    struct stack_cache *own = this_thread.stacks;

    if (kind == STACK_KINDS)
        return NULL;
    return own && own->free[kind] ? pop(own, kind) : get(kind, own);
}

/* An executor that has too many gives some back. */
static __attribute__((noinline)) void put(struct stack *stack, struct stack_cache *own)
{
    unsigned kind = stack->kind;

    stack_pool_lock();
    if (own)
        for (int i = 0; i < BATCH; i++)
            put_shared(pop(own, kind));
    else
        put_shared(stack);
    stack_pool_unlock();
}

void stack_put(struct stack *stack)
{
    struct stack_cache *own = this_thread.stacks;

    stack_annotate_unused(stack->low, (char *)stack);
    if (own)
        push(own, stack);
    if (!own || own->count[stack->kind] >= 2 * BATCH)
        put(stack, own);
}

bool stack_guards(const struct stack *stack, const void *address)
{
    const char *a = address;

    return a < stack->low && a >= stack->low - page_size();
}

void stack_cache_flush(struct stack_cache *cache)
{
    struct stack *stack;

    stack_pool_lock();
    for (unsigned kind = 0; kind < STACK_KINDS; kind++)
        while ((stack = pop(cache, kind)))
            put_shared(stack);
    stack_pool_unlock();
}

void stack_pool_empty(void)
{
    struct trale_link *link, *next;

    stack_pool_lock();
    for (unsigned kind = 0; kind < STACK_KINDS; kind++)
        for (link = pool.chunks[kind].next; link != &pool.chunks[kind]; link = next) {
            next = link->next;
            release(container_of(link, struct chunk, link), kind);
        }
    stack_pool_unlock();
}
