/* For ways on which every instruction counts, and for what must not be a call: see task/switch.h. */
#ifndef BASE_INLINE_H
#define BASE_INLINE_H

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#endif
