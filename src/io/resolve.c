/* Names and services: the only place that calls getaddrinfo. */
#define _GNU_SOURCE /* EAI_NODATA */
#include "io/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "core/pool.h"
#include "io/addr.h"

static int error_from_eai(int error)
{
    switch (error) {
    case 0:
        return 0;
    case EAI_NONAME:
    case EAI_SERVICE:
#ifdef EAI_NODATA
    case EAI_NODATA: /* the name exists, but has no address */
#endif
#ifdef EAI_ADDRFAMILY
    case EAI_ADDRFAMILY:
#endif
        return -ENOENT;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_FAIL:
        return -EIO;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SYSTEM:
        return errno > 0 ? -errno : -EIO;
    default:
        return -EINVAL;
    }
}

static int look_up(struct addrinfo **found, const char *host, const char *service, int socktype)
{
    /* No AI_ADDRCONFIG: it hides "localhost" from a machine that has but the loopback. */
    struct addrinfo hints = {.ai_socktype = socktype, .ai_flags = host ? 0 : AI_PASSIVE};
    return error_from_eai(getaddrinfo(host, service, &hints, found));
}

static bool has_blanks(const char *text)
{
    while ((unsigned char)*text > ' ' && *text != 0x7f)
        text++;
    return *text != '\0';
}

/* getaddrinfo(3) would read "+1" and "65616" as numbers; here they are nothing. */
static bool is_service(const char *text)
{
    bool word = text[strspn(text, "0123456789")] != '\0' && !strchr(text, ':');
    return word && text[0] != '+' && text[0] != '-' && !has_blanks(text);
}

static int resolve_port(uint16_t *port, const char *text, int socktype)
{
    struct addrinfo *found;
    if (port_from_text(port, text))
        return 0;
    int error = look_up(&found, NULL, text, socktype);
    if (error < 0)
        return error;
    /* The port stands at the same place for both families. */
    *port = ntohs(((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_port);
    freeaddrinfo(found);
    return 0;
}

static int copy_addresses(trale_addr list[RESOLVE_MAX], const struct addrinfo *found)
{
    int count = 0;
    for (; found && count < RESOLVE_MAX; found = found->ai_next) {
        if (found->ai_family != AF_INET && found->ai_family != AF_INET6)
            continue; /* unreachable: getaddrinfo knows no other */
        memset(&list[count], 0, sizeof list[count]);
        memcpy(&list[count].as, found->ai_addr, found->ai_addrlen);
        list[count++].length = found->ai_addrlen;
    }
    return count > 0 ? count : -ENOENT;
}

/* A misspelt address is none, nor is "127.1" or "0x7f.1", which inet_aton(3) takes. */
static bool is_name(const char *host)
{
    struct in_addr ignored;
    bool digits = host[strspn(host, "0123456789.")] == '\0';
    return !digits && !has_blanks(host) && inet_aton(host, &ignored) == 0;
}

static int resolve_host(trale_addr list[RESOLVE_MAX], const struct endpoint *endpoint,
                        int socktype)
{
    struct addrinfo *found;
    if (addr_from_host(&list[0], endpoint->host, endpoint->bracketed))
        return 1;
    int error = look_up(&found, endpoint->host, NULL, socktype);
    if (error < 0)
        return error;
    int count = copy_addresses(list, found);
    freeaddrinfo(found);
    return count;
}

int endpoint_known(trale_addr list[RESOLVE_MAX], const char *endpoint)
{
    struct endpoint parts;
    bool numeric_port, numeric_host;
    uint16_t port;
    if (!endpoint || !endpoint_split(&parts, endpoint))
        return -EINVAL;
    numeric_port = port_from_text(&port, parts.port);
    numeric_host = addr_from_host(&list[0], parts.host, parts.bracketed);
    if (!numeric_port && !is_service(parts.port))
        return -EINVAL;
    if (!numeric_host && (parts.bracketed || !is_name(parts.host)))
        return -EINVAL;
    if (!numeric_port || !numeric_host)
        return 0;
    addr_set_port(&list[0], port);
    return 1;
}

int endpoint_resolve(trale_addr list[RESOLVE_MAX], const char *endpoint, int socktype)
{
    struct endpoint parts;
    uint16_t port;
    int known = endpoint_known(list, endpoint);
    if (known != 0)
        return known;
    endpoint_split(&parts, endpoint);
    /* The port first: it asks nobody outside this machine. */
    int error = resolve_port(&port, parts.port, socktype);
    if (error < 0)
        return error;
    int count = resolve_host(list, &parts, socktype);
    for (int i = 0; i < count; i++)
        addr_set_port(&list[i], port);
    return count;
}

/* A question with memory of its own: who asked may be gone when the answer comes. */
struct question {
    struct trale_job job;
    int socktype;
    trale_addr list[RESOLVE_MAX];
    char endpoint[];
};

static intptr_t question_run(struct trale_job *job)
{
    struct question *q = container_of(job, struct question, job);

    return endpoint_resolve(q->list, q->endpoint, q->socktype);
}

static void question_free(struct trale_job *job)
{
    free(container_of(job, struct question, job));
}

static int ask(struct trale_job **job, const char *endpoint, int socktype)
{
    size_t length = strlen(endpoint) + 1;
    struct question *q = malloc(sizeof *q + length);

    if (!q)
        return -ENOMEM;
    q->job = (struct trale_job){.run = question_run, .free = question_free};
    q->socktype = socktype;
    memcpy(q->endpoint, endpoint, length);
    return pool_begin(job, &q->job, POOL_NAMES);
}

enum trale_poll resolve_poll(struct trale_job **job, trale_addr list[RESOLVE_MAX], int *count,
                             const char *endpoint, int socktype, trale_context *cx)
{
    if (!*job) {
        *count = endpoint_known(list, endpoint);
        if (*count == 0)
            *count = ask(job, endpoint, socktype);
        if (*count != 0)
            return TRALE_READY;
    }
    if (pool_poll(*job, trale_context_waker(cx)) == TRALE_PENDING)
        return TRALE_PENDING;
    *count = (int)(*job)->result;
    if (*count > 0)
        memcpy(list, container_of(*job, struct question, job)->list,
               (size_t)*count * sizeof *list);
    return TRALE_READY;
}
