/* Datagrams on connected sockets, and many at once. */
#include "scenarios.h"

#include <string.h>

#include "steps.h"

#define MANY 5

struct pair {
    trale_io *server, *client; /* of which the client is connected */
};

static void open_pair(struct pair *p)
{
    char endpoint[TRALE_ADDR_TEXT];

    *p = (struct pair){0};
    CALL(trale_udp_bind(&p->server, "127.0.0.1:0"), !p->server);
    local_endpoint(p->server, endpoint);
    CALL(trale_udp_connect(&p->client, endpoint), !p->client);
}

static void close_pair(struct pair *p)
{
    close_io(p->client);
    close_io(p->server);
}

static intptr_t answer(void *arg)
{
    const struct pair *p = arg;
    trale_addr from = {0};
    char text[16] = "";

    for (int i = 0; i < 2; i++) {
        EXPECT(CALL(trale_recvfrom(p->server, text, sizeof text, &from), text[0] == 0) == 4);
        EXPECT(strcmp(text, "how") == 0);
        EXPECT(CALL(trale_sendto(p->server, "well", 5, &from), true) == 5);
        text[0] = 0;
    }
    return 1;
}

static intptr_t ask(void *arg)
{
    const struct pair *p = arg;
    char text[16] = "";

    for (int i = 0; i < 2; i++) {
        EXPECT(CALL(trale_send(p->client, "how", 4), true) == 4);
        EXPECT(CALL(trale_recv(p->client, text, sizeof text), text[0] == 0) == 5);
        EXPECT(strcmp(text, "well") == 0);
        text[0] = 0;
    }
    return 2;
}

void connected_datagrams(void)
{
    trale_task *task = NULL;
    struct pair pair;

    open_pair(&pair);
    CALL(trale_spawn(&task, answer, &pair), !task);
    EXPECT(ask(&pair) == 2);
    join_for(task, 1);

    task = NULL;
    CALL(trale_spawn(&task, ask, &pair), !task);
    EXPECT(answer(&pair) == 1);
    join_for(task, 2);
    close_pair(&pair);
}

/* One may be sent, or received, at a time. */
static intptr_t send_many(void *arg)
{
    const struct pair *p = arg;
    trale_datagram list[MANY];
    char text[MANY];
    unsigned sent = 0;

    memset(list, 0, sizeof list);
    for (int i = 0; i < MANY; i++) {
        text[i] = (char)('a' + i);
        list[i].buffer = &text[i];
        list[i].size = 1;
    }
    while (sent < MANY)
        sent += (unsigned)CALL(trale_send_many(p->client, list + sent, MANY - sent), true);
    return (intptr_t)sent;
}

static intptr_t receive_many(void *arg)
{
    const struct pair *p = arg;
    trale_datagram list[MANY + 1];
    char text[MANY + 1] = "";
    unsigned received = 0;

    memset(list, 0, sizeof list);
    for (int i = 0; i <= MANY; i++) {
        list[i].buffer = &text[i];
        list[i].size = 1;
    }
    while (received < MANY)
        received +=
            (unsigned)CALL(trale_recv_many(p->server, list + received, MANY + 1 - received),
                           text[received] == 0 && list[received].received == 0);
    for (int i = 0; i < MANY; i++)
        EXPECT(text[i] == 'a' + i && list[i].received == 1 && list[i].addr.length > 0);
    return (intptr_t)received;
}

void many_datagrams(void)
{
    trale_task *task = NULL;
    struct pair pair;

    open_pair(&pair);
    CALL(trale_spawn(&task, receive_many, &pair), !task);
    EXPECT(send_many(&pair) == MANY);
    join_for(task, MANY);

    task = NULL;
    CALL(trale_spawn(&task, send_many, &pair), !task);
    EXPECT(receive_many(&pair) == MANY);
    join_for(task, MANY);
    close_pair(&pair);
}
