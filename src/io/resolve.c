/* Names and services: the only place that calls getaddrinfo. */
#define _GNU_SOURCE /* EAI_NODATA */
#include "io/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>

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
    if (!is_service(text))
        return -EINVAL;
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
            continue;
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
    if (endpoint->bracketed || !is_name(endpoint->host))
        return -EINVAL;
    int error = look_up(&found, endpoint->host, NULL, socktype);
    if (error < 0)
        return error;
    int count = copy_addresses(list, found);
    freeaddrinfo(found);
    return count;
}

int endpoint_resolve(trale_addr list[RESOLVE_MAX], const char *endpoint, int socktype)
{
    struct endpoint parts;
    uint16_t port;
    if (!endpoint || !endpoint_split(&parts, endpoint))
        return -EINVAL;
    /* The port first: it asks nobody outside this machine. */
    int error = resolve_port(&port, parts.port, socktype);
    if (error < 0)
        return error;
    int count = resolve_host(list, &parts, socktype);
    for (int i = 0; i < count; i++)
        addr_set_port(&list[i], port);
    return count;
}
