/* Addresses as text, and back. */
#include "io/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* The longest text: an abstract Unix name of which every byte is escaped. */
enum { LINE = sizeof "unix:@" + 4 * sizeof(((struct sockaddr_un *)0)->sun_path) };

/* strtoul would take signs, blanks and values that are too large. */
static bool number_from_text(uint32_t *number, const char *text, uint32_t max)
{
    uint64_t value = 0;
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length > 10 || text[length] != '\0')
        return false;
    for (size_t i = 0; i < length; i++)
        value = value * 10 + (uint64_t)(text[i] - '0');
    if (value > max)
        return false;
    *number = (uint32_t)value;
    return true;
}

bool port_from_text(uint16_t *port, const char *text)
{
    uint32_t number;
    if (!number_from_text(&number, text, UINT16_MAX))
        return false;
    *port = (uint16_t)number;
    return true;
}

/* Digits are the number, always: a text means the same whatever interfaces there are. */
static bool scope_from_text(uint32_t *scope, const char *text)
{
    if (number_from_text(scope, text, UINT32_MAX))
        return true;
    /* The kernel would stop reading at a colon, and some libraries at the sixteenth byte. */
    if (strchr(text, ':') || strlen(text) >= IF_NAMESIZE)
        return false;
    *scope = if_nametoindex(text);
    return *scope != 0;
}

bool endpoint_split(struct endpoint *endpoint, const char *text)
{
    bool bracketed = text[0] == '[';
    const char *host = bracketed ? text + 1 : text;
    /* The last bracket: the name of an interface may have one, a port may not. */
    const char *end = bracketed ? strrchr(host, ']') : strchr(host, ':');
    const char *colon = end && bracketed ? end + 1 : end;
    size_t length = end ? (size_t)(end - host) : 0;
    if (length == 0 || length >= sizeof endpoint->host || *colon != ':')
        return false;
    memcpy(endpoint->host, host, length);
    endpoint->host[length] = '\0';
    endpoint->bracketed = bracketed;
    endpoint->port = colon + 1;
    return true;
}

static bool in6_from_host(struct sockaddr_in6 *in6, const char *host)
{
    char digits[INET6_ADDRSTRLEN];
    size_t length = strcspn(host, "%");
    if (length >= sizeof digits)
        return false;
    memcpy(digits, host, length);
    digits[length] = '\0';
    if (host[length] == '%' && !scope_from_text(&in6->sin6_scope_id, host + length + 1))
        return false;
    return inet_pton(AF_INET6, digits, &in6->sin6_addr) == 1;
}

bool addr_from_host(trale_addr *addr, const char *host, bool v6)
{
    memset(addr, 0, sizeof *addr);
    addr->length = v6 ? sizeof addr->as.in6 : sizeof addr->as.in4;
    addr->as.any.sa_family = v6 ? AF_INET6 : AF_INET;
    if (v6)
        return in6_from_host(&addr->as.in6, host);
    return inet_pton(AF_INET, host, &addr->as.in4.sin_addr) == 1;
}

void addr_set_port(trale_addr *addr, uint16_t port)
{
    if (addr->as.any.sa_family == AF_INET)
        addr->as.in4.sin_port = htons(port);
    else if (addr->as.any.sa_family == AF_INET6)
        addr->as.in6.sin6_port = htons(port);
}

int trale_addr_parse(trale_addr *addr, const char *text)
{
    struct endpoint endpoint;
    trale_addr parsed;
    uint16_t port;
    if (!addr || !text || !endpoint_split(&endpoint, text) ||
        !addr_from_host(&parsed, endpoint.host, endpoint.bracketed) ||
        !port_from_text(&port, endpoint.port))
        return -EINVAL;
    addr_set_port(&parsed, port);
    *addr = parsed;
    return 0;
}

/* The line_ functions write into LINE bytes, which suffice, and return the length. */

static int line_in4(char *line, const struct sockaddr_in *in4)
{
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &in4->sin_addr, host, sizeof host);
    return snprintf(line, LINE, "%s:%u", host, ntohs(in4->sin_port));
}

static void scope_to_text(char text[static IF_NAMESIZE], uint32_t scope)
{
    uint32_t number;
    if (!if_indextoname(scope, text) || number_from_text(&number, text, UINT32_MAX))
        snprintf(text, IF_NAMESIZE, "%u", (unsigned)scope);
}

static int line_in6(char *line, const struct sockaddr_in6 *in6)
{
    char host[INET6_ADDRSTRLEN], scope[IF_NAMESIZE] = "";
    inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
    if (in6->sin6_scope_id != 0)
        scope_to_text(scope, in6->sin6_scope_id);
    return snprintf(line, LINE, "[%s%s%s]:%u", host, scope[0] ? "%" : "", scope,
                    ntohs(in6->sin6_port));
}

static int line_byte(char *line, unsigned char byte)
{
    bool plain = byte >= ' ' && byte <= '~' && byte != '\\';
    return snprintf(line, sizeof "\\xNN", plain ? "%c" : "\\x%02x", byte);
}

static int line_local(char *line, const char *path, size_t length)
{
    /* A path may fill its array without a final 0; an unnamed socket has no bytes. */
    if (length == 0 || path[0] != '\0')
        return snprintf(line, LINE, "unix:%.*s", (int)length, path);
    int end = snprintf(line, LINE, "unix:@");
    for (size_t i = 1; i < length; i++)
        end += line_byte(line + end, (unsigned char)path[i]);
    return end;
}

static int line_addr(char *line, const trale_addr *addr)
{
    const size_t path = offsetof(struct sockaddr_un, sun_path);
    size_t length = addr->length;
    switch (addr->as.any.sa_family) {
    case AF_INET:
        return length == sizeof addr->as.in4 ? line_in4(line, &addr->as.in4) : -EINVAL;
    case AF_INET6:
        return length == sizeof addr->as.in6 ? line_in6(line, &addr->as.in6) : -EINVAL;
    case AF_UNIX:
        if (length < path || length > sizeof addr->as.local)
            return -EINVAL;
        return line_local(line, addr->as.local.sun_path, length - path);
    default:
        return -EAFNOSUPPORT;
    }
}

int trale_addr_format(const trale_addr *addr, char *text, size_t size)
{
    char line[LINE];
    if (!addr || !text)
        return -EINVAL;
    int length = line_addr(line, addr);
    if (length < 0)
        return length;
    if ((size_t)length >= size)
        return -ENOSPC;
    memcpy(text, line, (size_t)length + 1);
    return 0;
}

int addr_from_path(trale_addr *addr, const char *path)
{
    size_t length = strlen(path);
    bool abstract = path[0] == '@';

    *addr = (trale_addr){.as.local.sun_family = AF_UNIX};
    if (length == 0)
        return -EINVAL;
    if (length >= sizeof addr->as.local.sun_path)
        return -ENAMETOOLONG;
    memcpy(addr->as.local.sun_path, path, length + 1);
    if (abstract)
        addr->as.local.sun_path[0] = '\0';
    addr->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + !abstract);
    return 0;
}

void addr_clamp(trale_addr *addr)
{
    if (addr->length == 0)
        *addr = (trale_addr){0};
    if (addr->as.any.sa_family == AF_UNIX && addr->length > sizeof addr->as.local)
        addr->length = sizeof addr->as.local;
}
