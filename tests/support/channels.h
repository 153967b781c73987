/*
 * Calls on one channel of ints, for lines of waiters and tasks: for test threads, asserting.
 *
 *     open_channel(2);
 *     line_add(&line, NULL, send_number, number(7));
 *     ck_assert_int_eq(try_receive(), 7);
 *     close_channel();                        frees it
 */
#ifndef TESTS_CHANNELS_H
#define TESTS_CHANNELS_H

#include <trale.h>

extern trale_channel *channel;

trale_channel *new_channel(size_t capacity);
void open_channel(size_t capacity);
void close_channel(void);

static inline void *number(int n)
{
    return (void *)(uintptr_t)n;
}

/* As tasks: give 0 or the error; the number, which is > 0, or the error. */
intptr_t send_number(void *number);
intptr_t receive_number(void *nothing);

int try_send(int number);
int try_receive(void);

/* The same on another channel. */
int try_send_to(trale_channel *ch, int number);
int try_receive_from(trale_channel *ch);

/* A send or a receive that can be awaited, and spawned, with its item beside it. */
struct send_call {
    trale_channel_send_future f;
    int item;
};
struct receive_call {
    trale_channel_recv_future f;
    int item;
};
trale_future *sending(struct send_call *call, trale_channel *ch, int number);
trale_future *receiving(struct receive_call *call, trale_channel *ch);

#endif
