#include "channels.h"

#include "suite.h"

trale_channel *channel;

trale_channel *new_channel(size_t capacity)
{
    trale_channel *ch = NULL;

    ck_assert_int_eq(trale_channel_new(&ch, sizeof(int), capacity), 0);
    return ch;
}

void open_channel(size_t capacity)
{
    channel = new_channel(capacity);
}

void close_channel(void)
{
    trale_channel_free(channel);
    channel = NULL;
}

intptr_t send_number(void *number)
{
    int n = (int)(uintptr_t)number;

    return trale_channel_send(channel, &n);
}

intptr_t receive_number(void *nothing)
{
    int n = 0, error = trale_channel_recv(channel, &n);

    (void)nothing;
    return error ? error : n;
}

int try_send_to(trale_channel *ch, int number)
{
    return trale_channel_try_send(ch, &number);
}

int try_receive_from(trale_channel *ch)
{
    int n = 0, error = trale_channel_try_recv(ch, &n);

    return error ? error : n;
}

int try_send(int number)
{
    return try_send_to(channel, number);
}

int try_receive(void)
{
    return try_receive_from(channel);
}

trale_future *sending(struct send_call *call, trale_channel *ch, int number)
{
    call->item = number;
    trale_channel_send_init(&call->f, ch, &call->item);
    return &call->f.future;
}

trale_future *receiving(struct receive_call *call, trale_channel *ch)
{
    call->item = 0;
    trale_channel_recv_init(&call->f, ch, &call->item);
    return &call->f.future;
}
