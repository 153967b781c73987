/* The one clock: everything that asks for the time asks here. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds on CLOCK_MONOTONIC. */
int64_t clock_now(void);

/* The same, a few milliseconds old, and cheap: CLOCK_MONOTONIC_COARSE. */
int64_t clock_coarse(void);

/* The deadline that is duration ns after now; TRALE_NEVER if that is past the end of time. */
int64_t clock_after(int64_t duration);

#endif
