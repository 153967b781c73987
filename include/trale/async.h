/*
 * Functions that wait, without a stack: a function over a struct becomes a future. It costs what
 * its struct costs, and no stack; examples/stackless_echo.c serves a connection with about 250
 * bytes beside its buffer.
 *
 *     struct tick {
 *         trale_async async;          // first, and named async
 *         int left;                   // what has to survive a wait
 *         trale_sleep_future sleep;   // what is awaited
 *     };
 *
 *     TRALE_ASYNC(tick, struct tick)
 *     {
 *         TRALE_ASYNC_BEGIN;
 *         while (self->left-- > 0) {
 *             trale_sleep_init(&self->sleep, TRALE_SEC);
 *             TRALE_AWAIT(&self->sleep.future);
 *         }
 *         TRALE_RETURN(42);
 *         TRALE_ASYNC_END;
 *     }
 *
 *     struct tick t = {.async = TRALE_ASYNC_INIT(tick), .left = 3};
 *
 *     trale_spawn_future(&task, &t.async.future, sizeof t);     // or trale_await(&t.async.future)
 *
 * The body may use loops, switch and goto around TRALE_AWAIT. Local variables do not survive it:
 * the function returns there and is entered again.
 *
 *     int n = self->left;              // wrong: n is anything after the wait
 *     TRALE_AWAIT(&self->sleep.future);
 *     use(n);
 *
 * Keep in *self what is used after. A variable that lives within a stretch without a TRALE_AWAIT
 * is all right. An array of variable length does not compile, nor does a plain return, a TRALE_AWAIT
 * outside such a function or before TRALE_ASYNC_BEGIN, or a body whose end can be reached without
 * TRALE_ASYNC_END. Nothing in the body may wait but by TRALE_AWAIT; calls that wait abort. For C
 * only, with gcc or clang.
 */
#ifndef TRALE_ASYNC_H
#define TRALE_ASYNC_H

#include <trale/future.h>

TRALE_BEGIN

/* Where the function goes on, and what it awaits there. */
typedef struct trale_async {
    trale_future future;
    void *resume; /* private from here on */
    trale_future *awaited;
} trale_async;

/* What the body returns, so that it can only be returned by the macros. */
struct trale_async_poll {
    enum trale_poll poll;
};

/* One address for each label: gcc must not copy the function, clang never does. */
#if defined(__has_attribute)
#if __has_attribute(noclone)
#define TRALE_ASYNC_ONCE_ __attribute__((noinline, noclone))
#endif
#endif
#ifndef TRALE_ASYNC_ONCE_
#define TRALE_ASYNC_ONCE_ __attribute__((noinline))
#endif

/* The drop of every such future: drops what is awaited. */
TRALE_API void trale_async_drop(trale_future *self);

TRALE_END

/* NOLINTBEGIN(bugprone-macro-parentheses): types and names of functions */

/* From here to TRALE_ASYNC_END. */
#define TRALE_ASYNC_STRICT_ \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic error \"-Wreturn-type\"") \
        _Pragma("GCC diagnostic error \"-Wvla\"")
#define TRALE_ASYNC_CHECK_(type) \
    _Static_assert(offsetof(type, async) == 0 && \
                       _Generic(((type *)0)->async, trale_async : 1, default : 0), \
                   "trale_async async comes first in " #type)

/* Begins the definition of the async function name over the struct type. */
#define TRALE_ASYNC(name, type) TRALE_ASYNC_WITH(name, type, trale_async_drop)

/*
 * The same with a drop of its own, void drop(trale_future *self), which runs exactly once, whether
 * the function has returned or not, and must call trale_async_drop(self) first: the place to close
 * what the struct holds.
 */
#define TRALE_ASYNC_WITH(name, type, drop) \
    TRALE_ASYNC_STRICT_ \
    TRALE_ASYNC_CHECK_(type); \
    TRALE_ASYNC_ONCE_ static struct trale_async_poll name##_body( \
        type *self, trale_async *trale_async_, trale_context *trale_cx_); \
    static enum trale_poll name##_poll(trale_future *f, trale_context *cx) \
    { \
        return name##_body((type *)f, (trale_async *)f, cx).poll; \
    } \
    static const struct trale_future_ops name##_ops = {name##_poll, drop, #name}; \
    static struct trale_async_poll name##_body(type *self, trale_async *trale_async_, \
                                               trale_context *trale_cx_)

/* NOLINTEND(bugprone-macro-parentheses) */

/* The initial value of the member async. */
#define TRALE_ASYNC_INIT(name) \
    { \
        .future = {.ops = &name##_ops } \
    }

/* First in the body. */
#define TRALE_ASYNC_BEGIN \
    const struct trale_async_poll trale_pending_ = {TRALE_PENDING}, \
                                  trale_ready_ = {TRALE_READY}; \
    (void)self, (void)trale_cx_, (void)trale_pending_; \
    goto *(trale_async_->resume ? trale_async_->resume : &&trale_start_); \
    trale_start_:

/* Waits until the future, a trale_future *, is ready, and drops it; its output can be read then. */
#define TRALE_AWAIT(future) TRALE_AWAIT_COUNTED_(future, __COUNTER__)
#define TRALE_AWAIT_COUNTED_(future, n) TRALE_AWAIT_AT_(future, n)
#define TRALE_AWAIT_AT_(f, n) \
    do { \
        trale_async_->awaited = (f); \
        trale_async_->resume = &&trale_resume_##n; \
        trale_resume_##n : if (trale_future_poll(trale_async_->awaited, trale_cx_) == \
                               TRALE_PENDING) return trale_pending_; \
        trale_async_drop(&trale_async_->future); \
    } while (0)

/* Ends the function; value is the future's output. */
#define TRALE_RETURN(value) \
    do { \
        trale_async_->future.output = (value); \
        return trale_ready_; \
    } while (0)

/* Last in the body: returns 0 if it is reached. */
#define TRALE_ASYNC_END \
    TRALE_RETURN(0); \
    _Pragma("GCC diagnostic pop")

#endif
