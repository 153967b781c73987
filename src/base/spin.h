/*
 * When to spin before parking. Waking a parked thread costs tens of microseconds on an idle core;
 * caught spinning, it costs a cache miss. So a side spins while its recent waits were short, and
 * soon stops when they are not: an idle runtime burns nothing. With one CPU to run on, spinning
 * would take the core from the thread that is waited for, and is off.
 */
#ifndef BASE_SPIN_H
#define BASE_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#define SPIN_WINDOW_NS 50000

/* The history of one waiting side; zeroed is a valid start. Used by one thread. */
struct spin {
    int credit; /* > 0: spin */
};

static inline bool spin_worth(const struct spin *spin)
{
    return spin->credit > 0;
}

/* A wait took this long. The window is doubled for what the wake-up itself costs when parked. */
void spin_learn(struct spin *spin, int64_t waited_ns);

/* May this process run on more than one CPU (affinity mask, cgroup quota)? Looked up once. */
bool spin_allowed(void);

/* On how many; at least one. */
unsigned spin_cpus(void);

static inline void spin_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

#endif
