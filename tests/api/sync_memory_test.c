/* Uncontended, nothing allocates and nothing calls the kernel; and objects go with their frame. */
#include "suite.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "settle.h"
#include "system.h"
#include "waiters.h"

/* The program's own malloc counts; the C library's does the work. Not with a sanitizer's. */
#if !UNDER_ASAN && !UNDER_TSAN && defined(__GLIBC__)
static _Thread_local volatile long allocations; /* compilers think that malloc changes nothing */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}
#else
static volatile long allocations;
#endif

static intptr_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* These allocate, but only when they are made. */
static trale_broadcast *news;
static trale_watch *level;

static void set_up(void)
{
    ck_assert_int_eq(trale_broadcast_new(&news, sizeof(int), 4), 0);
    ck_assert_int_eq(trale_watch_new(&level, sizeof(int)), 0);
}

static void tear_down(void)
{
    trale_broadcast_free(news);
    trale_watch_free(level);
    free_default_runtime();
}

static int use_series(int i)
{
    uint64_t cursor, seen = 0;
    int errors = trale_broadcast_subscribe(news, &cursor) != 0;

    errors += trale_broadcast_send(news, &i) != 0 || trale_watch_set(level, &i) != 0;
    errors += trale_broadcast_recv(news, &cursor, &i) != 0;
    return errors + (trale_watch_wait(level, &seen, &i) != 0);
}

/* Everything that need not wait. */
static int use_all(void)
{
    trale_event event = {0};
    trale_mutex mutex = {0};
    trale_semaphore semaphore = {0};
    trale_cond cond = {0};
    trale_rwlock rwlock = {0};
    trale_wait_group group = {0};
    trale_barrier barrier = {.parties = 1};
    trale_once once = {0};
    trale_oneshot oneshot = {0};
    int errors = trale_oneshot_set(&oneshot, 1) != 0;

    for (int i = 0; i < 20; i++) {
        errors += trale_event_notify(&event) != 0 || trale_event_wait(&event) != 0;
        errors += trale_event_try_wait(&event) != -EAGAIN;
        errors += trale_mutex_lock(&mutex) != 0 || trale_mutex_trylock(&mutex) != -EBUSY;
        errors += trale_mutex_unlock(&mutex) != 0;
        errors += trale_semaphore_release(&semaphore, 3) != 0;
        errors += trale_semaphore_acquire(&semaphore, 2) != 0;
        errors += trale_semaphore_try_acquire(&semaphore, 1) != 0;
        errors += trale_cond_signal(&cond) != 0 || trale_cond_broadcast(&cond) != 0;
        errors += trale_rwlock_rdlock(&rwlock) != 0 || trale_rwlock_unlock(&rwlock) != 0;
        errors += trale_rwlock_wrlock(&rwlock) != 0 || trale_rwlock_unlock(&rwlock) != 0;
        errors += trale_wait_group_add(&group, 1) != 0 || trale_wait_group_done(&group) != 0;
        errors += trale_wait_group_wait(&group) != 0;
        errors += trale_once_do(&once, nothing, NULL) != 0;
        errors += trale_oneshot_get(&oneshot, NULL) != 0 || use_series(i) != 0;
    }
    return errors + (trale_barrier_wait(&barrier) != 1);
}

static intptr_t use_and_count(void *arg)
{
    long before = allocations;

    (void)arg;
    return use_all() != 0 ? -1 : allocations - before;
}

START_TEST(nothing_is_allocated)
{
    void *volatile block; /* or clang leaves the pair out */

    use_all(); /* a thread's first wait may make its waker */
    ck_assert_int_eq(use_and_count(NULL), 0);
    ck_assert_int_eq(join(spawn_on(NULL, use_and_count, NULL)), 0);
#if !UNDER_ASAN && !UNDER_TSAN && defined(__GLIBC__)
    long before = allocations;
    block = malloc(1);
    ck_assert_int_eq(allocations, before + 1); /* it is this malloc that counts */
    free(block);
#else
    (void)block;
#endif
}
END_TEST

/* From now on any call of this thread but these kills the process; the one is how a signal's handler, which
 * may come from outside, returns. */
static void forbid_calls(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};

    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void use_without_calls(void *also)
{
    use_all();
    forbid_calls();
    if (use_all() != 0)
        _exit(1);
    if (also)
        syscall(SYS_getpid);
    syscall(SYS_exit_group, 21); /* not _exit, which may do more: see tests/coverage */
}

/* In a task: the filter is its executor thread's. 200 operations are more than a share. */
static intptr_t use_in_task_without_calls(void *also)
{
    use_without_calls(also);
    return 0;
}

static void use_in_task(void *also)
{
    trale_task *task;

    MUST(trale_spawn(&task, use_in_task_without_calls, also) == 0);
    trale_join(task, NULL);
}

START_TEST(no_system_call_is_made)
{
    int other = 1;

    if (UNDER_ASAN || UNDER_TSAN || under_valgrind())
        return; /* these make calls of their own */
    ck_assert_int_eq(test_in_child(use_without_calls, NULL, NULL, 0), 21 << 8);
    ck_assert_int_eq(test_in_child(use_in_task, NULL, NULL, 0), 21 << 8);
    ck_assert_int_ne(test_in_child(use_without_calls, &other, NULL, 0), 21 << 8);
    ck_assert_int_ne(test_in_child(use_in_task, &other, NULL, 0), 21 << 8);
}
END_TEST

/*
 * Objects in a frame that is left as soon as the wait returns, and overwritten: whoever let the
 * waiter through must have been done with it.
 */
enum { ROUNDS = 20000 };

struct frame {
    trale_event event;
    trale_mutex mutex;
    trale_wait_group group;
    bool shared; /* guarded by mutex */
};

static struct {
    struct frame *_Atomic frame;
    atomic_bool stop;
    atomic_long faults;
} offer;

/* The other side: takes what is offered, and lets the waiter through by each means in turn. */
static intptr_t let_through(void *arg)
{
    (void)arg;
    for (long i = 0; !atomic_load(&offer.stop);) {
        struct frame *f = atomic_exchange(&offer.frame, NULL);
        if (!f) {
            trale_yield();
            continue;
        }
        if (trale_mutex_lock(&f->mutex) != 0)
            atomic_fetch_add(&offer.faults, 1);
        f->shared = true;
        if (trale_mutex_unlock(&f->mutex) != 0)
            atomic_fetch_add(&offer.faults, 1);
        if ((i++ % 2 ? trale_event_notify(&f->event) : trale_wait_group_done(&f->group)) != 0)
            atomic_fetch_add(&offer.faults, 1);
    }
    return 0;
}

__attribute__((noinline)) static int wait_in_frame(long i)
{
    struct frame f = {0};
    int error = trale_wait_group_add(&f.group, 1);

    atomic_store(&offer.frame, &f);
    if (error == 0)
        error = i % 2 ? trale_event_wait(&f.event) : trale_wait_group_wait(&f.group);
    if (error == 0)
        error = f.shared ? 0 : 1;
    memset((void *)&f, 0xff, sizeof f); /* not yet over: a late touch finds nonsense */
    __asm__ volatile("" ::"r"(&f) : "memory");
    return error;
}

static intptr_t wait_in_frames(void *arg)
{
    (void)arg;
    for (long i = 0; i < test_scale(ROUNDS); i++)
        if (wait_in_frame(i) != 0)
            return 1;
    return 0;
}

static void wait_in_frames_while(trale_runtime *other, bool in_task)
{
    trale_task *helper = spawn_on(other, let_through, NULL);

    ck_assert_int_eq(in_task ? join(spawn_on(NULL, wait_in_frames, NULL)) : wait_in_frames(NULL),
                     0);
    atomic_store(&offer.stop, true);
    join(helper);
    ck_assert_int_eq(offer.faults, 0);
    free_runtime(other);
}

START_TEST(what_a_thread_waited_for_may_be_freed_at_once)
{
    wait_in_frames_while(new_runtime(), false);
}
END_TEST

START_TEST(what_a_task_waited_for_may_be_freed_at_once)
{
    wait_in_frames_while(new_runtime(), true);
}
END_TEST

TEST_MAIN_WITH(set_up, tear_down, "sync_memory", nothing_is_allocated, no_system_call_is_made,
               what_a_thread_waited_for_may_be_freed_at_once,
               what_a_task_waited_for_may_be_freed_at_once)
