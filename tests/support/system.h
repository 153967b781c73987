/* What tests ask of the process they run in, and do to it. */
#ifndef TESTS_SYSTEM_H
#define TESTS_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#else
#define UNDER_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#else
#define UNDER_TSAN 0
#endif

/*
 * In a test program whose children end with threads running, or with what their parent's threads
 * had: no checks for leaked memory and threads. `ENDS_AS_IT_IS` once, after the includes.
 */
#define ENDS_AS_IT_IS \
    __attribute__((visibility("default"))) const char *__asan_default_options(void) \
    { \
        return "detect_leaks=0"; \
    } \
    __attribute__((visibility("default"))) const char *__tsan_default_options(void) \
    { \
        return "report_thread_leaks=0"; \
    } \
    __attribute__((constructor)) static void end_as_it_is(void) \
    { \
        let_threads_be_lost(); \
    }

const char *__asan_default_options(void);
const char *__tsan_default_options(void);

/* Valgrind: what may have been lost is no find, for it belongs to threads that run on. */
void let_threads_be_lost(void);

/* It matters that a test is the first in its process to use the library. `BEGINS_AFRESH` once, after the
 * includes; whoever ends as it is does so, too. */
#define BEGINS_AFRESH \
    __attribute__((constructor)) static void begins(void) \
    { \
        begin_afresh(); \
    }
void begin_afresh(void);
bool begins_afresh(void);

bool under_valgrind(void);

/* Does getaddrinfo know localhost? A system without /etc/hosts may not. */
bool has_localhost(void);

/* Open descriptors, threads and mappings of this process. */
int count_fds(void);
int count_threads(void);
int count_mappings(void);

/* Does this kernel have guard markers (MADV_GUARD_INSTALL)? And: from now on it has none; for a
 * child. */
bool has_guard_markers(void);
void deny_guard_markers(void);

/* Waits until the process has so many threads, or fewer: the kernel forgets one a moment after its
   join, so that who counted them may have counted one that had left. */
void await_threads(int count);

/* Raises the limit of descriptors as far as it goes, and returns it. */
long raise_fds(void);

/* From now on this process can open no further descriptor; undone by allow_fds. */
void forbid_fds(void);
void allow_fds(void);

/*
 * From now on the system call with that number fails with that error, here and in every thread
 * and child to come. The second form: only if the argument with that index has that value.
 * For a child: it cannot be undone.
 */
void deny_call(long number, int error);
void deny_call_with(long number, int index, uint32_t value, int error);

/*
 * test_in_child for what must go well there: the child exits with 0, and what it says to stderr
 * is shown if it does not. In it, MUST stands for ck_assert, on any thread.
 */
void passes_in_child(void (*fn)(void *arg), void *arg);

/* waitpid, which signals do not interrupt. */
pid_t await_process(pid_t child, int *status);

#define MUST(condition) ((condition) ? (void)0 : must_failed(__FILE__, __LINE__, #condition))
_Noreturn void must_failed(const char *file, int line, const char *condition);

#endif
