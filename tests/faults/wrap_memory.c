/* Memory: allocations, mappings, and what the C library needs memory for. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "wrap.h"

#define SIGNAL_STACK ((size_t)64 << 10) /* as in task/overflow.c */
#define GUARD_INSTALL 102               /* MADV_GUARD_INSTALL, which old headers do not have */

static void *taken(void *block)
{
    if (block)
        taken_block(1);
    return block;
}

WRAP(void *, malloc, size_t size)
{
    FAIL_IF_STRUCK(size == SIGNAL_STACK ? FAULT_SIGNAL_STACK : FAULT_MALLOC, NULL);
    return taken(__real_malloc(size));
}

WRAP(void *, calloc, size_t count, size_t size)
{
    FAIL_IF_STRUCK(FAULT_CALLOC, NULL);
    return taken(__real_calloc(count, size));
}

WRAP(void *, realloc, void *old, size_t size)
{
    FAIL_IF_STRUCK(FAULT_REALLOC, NULL);
    return old ? __real_realloc(old, size) : taken(__real_realloc(NULL, size));
}

WRAP(void *, aligned_alloc, size_t alignment, size_t size)
{
    FAIL_IF_STRUCK(FAULT_ALIGNED_ALLOC, NULL);
    return taken(__real_aligned_alloc(alignment, size));
}

WRAP(int, posix_memalign, void **block, size_t alignment, size_t size)
{
    int error;

    RETURN_IF_STRUCK(FAULT_POSIX_MEMALIGN);
    error = __real_posix_memalign(block, alignment, size);
    if (error == 0)
        taken_block(1);
    return error;
}

WRAP(void, free, void *block)
{
    if (block)
        taken_block(-1);
    __real_free(block);
}

WRAP(void *, mmap, void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    void *mapping;

    FAIL_IF_STRUCK(FAULT_MMAP, MAP_FAILED);
    mapping = __real_mmap(address, size, protection, flags, fd, offset);
    if (mapping != MAP_FAILED)
        taken_mapping((long)size);
    return mapping;
}

WRAP(int, munmap, void *address, size_t size)
{
    FAIL_IF_STRUCK(FAULT_MUNMAP, -1);
    taken_mapping(-(long)size);
    return __real_munmap(address, size);
}

WRAP(int, mprotect, void *address, size_t size, int protection)
{
    FAIL_IF_STRUCK(FAULT_MPROTECT, -1);
    return __real_mprotect(address, size, protection);
}

WRAP(int, madvise, void *address, size_t size, int advice)
{
    FAIL_IF_STRUCK(advice == GUARD_INSTALL ? FAULT_GUARD : FAULT_MADVISE, -1);
    return __real_madvise(address, size, advice);
}

WRAP(int, atexit, void (*function)(void))
{
    RETURN_IF_STRUCK(FAULT_ATEXIT);
    return __real_atexit(function);
}

WRAP(int, pthread_mutex_init, pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    RETURN_IF_STRUCK(FAULT_MUTEX_INIT);
    return __real_pthread_mutex_init(mutex, attributes);
}

WRAP(int, pthread_key_create, pthread_key_t *key, void (*destructor)(void *))
{
    RETURN_IF_STRUCK(FAULT_KEY_CREATE);
    return __real_pthread_key_create(key, destructor);
}

WRAP(int, pthread_setspecific, pthread_key_t key, const void *value)
{
    RETURN_IF_STRUCK(FAULT_SETSPECIFIC);
    return __real_pthread_setspecific(key, value);
}
