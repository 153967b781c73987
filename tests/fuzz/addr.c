/*
 * Addresses and endpoints, of any text and any bytes. What must hold: what is read comes back as the
 * same text and the same bytes, and is what getaddrinfo(3) reads; what is refused leaves no trace;
 * a text that does not fit is not begun; an endpoint put together again is the text it was.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "io/addr.h"

enum { TEXT_MAX = 512 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Returns the length; every size that is too small is refused, and nothing is written then. */
static size_t format(char *text, const trale_addr *addr)
{
    size_t length;

    must(trale_addr_format(addr, text, TEXT_MAX) == 0);
    length = strlen(text);
    for (size_t size = 0; size <= length + 1; size++) {
        char *copy = malloc(size + 1);

        must(copy);
        memset(copy, 'x', size + 1);
        must(trale_addr_format(addr, copy, size) == (size > length ? 0 : -ENOSPC));
        must(copy[0] == (size > length ? text[0] : 'x') && copy[size] == 'x');
        free(copy);
    }
    return length;
}

static bool same_address(const trale_addr *left, const trale_addr *right)
{
    if (left->as.any.sa_family != right->as.any.sa_family)
        return false;
    if (left->as.any.sa_family == AF_INET)
        return left->as.in4.sin_port == right->as.in4.sin_port &&
               left->as.in4.sin_addr.s_addr == right->as.in4.sin_addr.s_addr;
    return left->as.in6.sin6_port == right->as.in6.sin6_port &&
           left->as.in6.sin6_scope_id == right->as.in6.sin6_scope_id &&
           memcmp(&left->as.in6.sin6_addr, &right->as.in6.sin6_addr, 16) == 0;
}

/* The resolver of the C library is of the same opinion, but for scopes, of which it knows fewer. */
static void resolves_to(const char *text, const trale_addr *addr)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct endpoint endpoint;
    trale_addr other = {0};

    must(endpoint_split(&endpoint, text));
    if (strchr(endpoint.host, '%'))
        return;
    must(getaddrinfo(endpoint.host, endpoint.port, &hints, &found) == 0);
    memcpy(&other.as, found->ai_addr, found->ai_addrlen);
    must(found->ai_addrlen == addr->length && same_address(&other, addr));
    freeaddrinfo(found);
}

static void check_text(const char *text)
{
    char canonical[TEXT_MAX], again[TEXT_MAX];
    trale_addr addr, before, second;
    int error;

    memset(&before, 0xa5, sizeof before);
    addr = before;
    error = trale_addr_parse(&addr, text);
    must(error == 0 || error == -EINVAL);
    if (error != 0) {
        must(memcmp(&addr, &before, sizeof addr) == 0);
        return;
    }
    must(format(canonical, &addr) < TRALE_ADDR_TEXT);
    second = before;
    must(trale_addr_parse(&second, canonical) == 0);
    must(memcmp(&second, &addr, sizeof addr) == 0);
    format(again, &second);
    must(strcmp(canonical, again) == 0);
    resolves_to(text, &addr);
}

static void check_split(const char *text)
{
    struct endpoint e;
    char joined[ENDPOINT_HOST + 4];
    size_t length;

    if (!endpoint_split(&e, text))
        return;
    must(e.host[0] != '\0' && e.bracketed == (text[0] == '['));
    length = (size_t)snprintf(joined, sizeof joined, e.bracketed ? "[%s]:" : "%s:", e.host);
    must(memcmp(joined, text, length) == 0 && e.port == text + length);
}

static void check_port(const char *text)
{
    uint16_t port = 12345;
    char digits[8];

    if (!port_from_text(&port, text)) {
        must(port == 12345);
        return;
    }
    snprintf(digits, sizeof digits, "%u", port);
    must(strcmp(text + strspn(text, "0"), digits) == 0 || port == 0);
}

static bool is_plain(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~' || *text == '\\')
            return false;
    return true;
}

/* A path comes back as it was; an abstract name, if nothing in it had to be escaped. */
static void check_path(const char *path)
{
    size_t length = strlen(path);
    trale_addr addr;
    char text[TEXT_MAX];
    int error = addr_from_path(&addr, path);

    must(error == (length == 0                               ? -EINVAL
                   : length >= sizeof addr.as.local.sun_path ? -ENAMETOOLONG
                                                             : 0));
    if (error != 0)
        return;
    format(text, &addr);
    must(memcmp(text, "unix:", 5) == 0);
    must(strcmp(text + 5, path) == 0 || (path[0] == '@' && !is_plain(path)));
}

/* Any bytes as an address. The first says how long it is, and which family. */
static void check_bytes(const uint8_t *data, size_t size)
{
    static const sa_family_t families[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK};
    char text[TEXT_MAX];
    trale_addr addr = {0}, again;
    int error;

    if (size == 0)
        return;
    memcpy(&addr.as, data + 1, size - 1 < sizeof addr.as ? size - 1 : sizeof addr.as);
    addr.as.any.sa_family = families[data[0] % 4];
    addr.length = data[0] / 4 < 32 ? (socklen_t)data[0] : sizeof addr.as.in4;
    if (data[0] >= 192)
        addr.length = data[0] % 4 == 1 ? sizeof addr.as.in6 : sizeof addr.as.in4;
    error = trale_addr_format(&addr, text, sizeof text);
    must(error == 0 || error == -EINVAL || (error == -EAFNOSUPPORT && data[0] % 4 == 3));
    if (error != 0)
        return;
    format(text, &addr);
    if (addr.as.any.sa_family == AF_UNIX) {
        must(memcmp(text, "unix:", 5) == 0);
        return;
    }
    must(trale_addr_parse(&again, text) == 0 && again.length == addr.length);
    must(same_address(&addr, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    must(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    check_text(text);
    check_split(text);
    check_port(text);
    check_path(text);
    check_bytes(data, size);
    free(text);
    return 0;
}
