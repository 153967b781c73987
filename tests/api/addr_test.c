/* Addresses as text: what is read, what is refused, and that it all comes back the same. */
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trale.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* xorshift64*: the same numbers on every machine and in every run. */
static uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);

static uint32_t random_below(uint32_t limit)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (uint32_t)((seed * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % limit;
}

static void random_bytes(void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)random_below(256);
}

/* Parses, from memory that ends with the text, and checks that a failure leaves no trace. */
static int parse(trale_addr *addr, const char *text)
{
    trale_addr before;
    char *copy = strdup(text);
    ck_assert_ptr_nonnull(copy);
    memset(&before, 0xa5, sizeof before);
    memcpy(addr, &before, sizeof before);
    int error = trale_addr_parse(addr, copy);
    free(copy);
    ck_assert_msg(error == 0 || error == -EINVAL, "\"%s\": %d", text, error);
    if (error < 0)
        ck_assert_msg(memcmp(addr, &before, sizeof before) == 0, "\"%s\" left a trace", text);
    return error;
}

static void refused(const char *text)
{
    trale_addr addr;
    ck_assert_msg(parse(&addr, text) == -EINVAL, "\"%.80s\" was read", text);
}

static void parsed(trale_addr *addr, const char *text)
{
    ck_assert_msg(parse(addr, text) == 0, "\"%s\" was refused", text);
}

static void formats_as(const trale_addr *addr, const char *expected)
{
    char text[512];
    ck_assert_int_eq(trale_addr_format(addr, text, sizeof text), 0);
    ck_assert_str_eq(text, expected);
}

/* Whatever formats is read again as the same bytes. */
static void comes_back(const trale_addr *addr)
{
    char text[TRALE_ADDR_TEXT];
    trale_addr again;
    ck_assert_int_eq(trale_addr_format(addr, text, sizeof text), 0);
    parsed(&again, text);
    ck_assert_msg(memcmp(&again, addr, sizeof again) == 0, "\"%s\" is another address", text);
}

static void reads_as(const char *text, const char *canonical)
{
    trale_addr addr;
    parsed(&addr, text);
    formats_as(&addr, canonical);
    comes_back(&addr);
}

static trale_addr in4(const char *host, uint16_t port)
{
    trale_addr addr;
    memset(&addr, 0, sizeof addr);
    addr.length = sizeof addr.as.in4;
    addr.as.in4.sin_family = AF_INET;
    addr.as.in4.sin_port = htons(port);
    ck_assert_int_eq(inet_pton(AF_INET, host, &addr.as.in4.sin_addr), 1);
    return addr;
}

static trale_addr in6(const char *host, uint32_t scope, uint16_t port)
{
    trale_addr addr;
    memset(&addr, 0, sizeof addr);
    addr.length = sizeof addr.as.in6;
    addr.as.in6.sin6_family = AF_INET6;
    addr.as.in6.sin6_port = htons(port);
    addr.as.in6.sin6_scope_id = scope;
    ck_assert_int_eq(inet_pton(AF_INET6, host, &addr.as.in6.sin6_addr), 1);
    return addr;
}

static trale_addr local(const char *path, size_t length)
{
    trale_addr addr;
    memset(&addr, 0, sizeof addr);
    addr.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    addr.as.local.sun_family = AF_UNIX;
    memcpy(addr.as.local.sun_path, path, length);
    return addr;
}

START_TEST(parse_fills_in_every_field)
{
    trale_addr addr, expected = in4("127.0.0.1", 9998);
    parsed(&addr, "127.0.0.1:9998");
    ck_assert_mem_eq(&addr, &expected, sizeof addr);

    expected = in6("2001:db8::1", 0, 65535);
    parsed(&addr, "[2001:db8::1]:65535");
    ck_assert_mem_eq(&addr, &expected, sizeof addr);

    expected = in6("fe80::1", 4000000000, 53);
    parsed(&addr, "[fe80::1%4000000000]:53");
    ck_assert_mem_eq(&addr, &expected, sizeof addr);
}
END_TEST

START_TEST(canonical_texts_come_back)
{
    static const char *const texts[] = {
        "0.0.0.0:0", "127.0.0.1:9998", "255.255.255.255:65535", "10.0.0.9:1", "[::]:0",
        "[::1]:65535", "[2001:db8::8:800:200c:417a]:80", "[ff02::fb]:5353",
        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[::ffff:192.0.2.1]:443",
        /* a scope that no interface has */
        "[fe80::1%4294967295]:65535"};
    for (size_t i = 0; i < COUNT(texts); i++)
        reads_as(texts[i], texts[i]);
}
END_TEST

START_TEST(other_spellings_become_canonical)
{
    reads_as("[2001:DB8:0:0:0:0:0:1]:80", "[2001:db8::1]:80");
    reads_as("[0:0:0:0:0:0:0:0]:0", "[::]:0");
    reads_as("[::ffff:c000:201]:9", "[::ffff:192.0.2.1]:9");
    reads_as("[::1%0]:1", "[::1]:1");
    reads_as("127.0.0.1:00080", "127.0.0.1:80");
}
END_TEST

START_TEST(bad_ports_are_refused)
{
    static const char *const ports[] = {
        /* out of range, also where a narrow type would wrap around */
        "65536", "65616", "99999", "4294967376", "18446744073709551696",
        "00000000000000000000000000000001",
        /* what strtoul would take */
        "+1", "-1", "-0", " 1", "\t1", "0x1",
        /* no number, or more than one */
        "", "1 ", "1\n", "1e1", "1.0", ":1", "1:", "1:2", "1a", "a1", "ntp", "]", "*", ",",
        "0/tcp", "\xd9\xa1"};
    for (size_t i = 0; i < COUNT(ports); i++) {
        char text[128];
        snprintf(text, sizeof text, "127.0.0.1:%s", ports[i]);
        refused(text);
        snprintf(text, sizeof text, "[::1]:%s", ports[i]);
        refused(text);
    }
}
END_TEST

START_TEST(bad_hosts_are_refused)
{
    static const char *const texts[] = {
        "", ":", "::", ":80", "127.0.0.1", "[::1]", "[::1", "::1:80", "::1]:80", "[]:80", "[:80",
        "[::1]80", "[::1] :80", "[::1]]:80", "[[::1]:80", "[[::1]]:80", "[::1]::80",
        "localhost:80", "[localhost]:80", "*:80", "-1:80", "[127.0.0.1]:80", "127.0.0.1%lo:80",
        /* what inet_aton would take */
        "1:80", "127.1:80", "127.0.1:80", "2130706433:80", "0x7f.0.0.1:80", "0177.0.0.1:80",
        "127.0.0.01:80", "127.0.0.1 :80",
        /* quads that are none */
        "256.0.0.1:80", "1.2.3:80", "1.2.3.4.5:80", "1.2.3.:80", ".1.2.3:80", "1..2.3:80",
        "1.2.3.4.:80", "+1.2.3.4:80", "1.2.3.-4:80", "a.b.c.d:80", "1,2,3,4:80",
        /* IPv6 that is none */
        "[:]:80", "[:::]:80", "[1]:80", "[::g]:80", "[::12345]:80", "[1::2::3]:80",
        "[1:2:3:4:5:6:7]:80", "[1:2:3:4:5:6:7:8:9]:80", "[1:2:3:4:5:6:7:]:80", "[::1.2.3]:80",
        "[::1.2.3.256]:80", "[ ::1]:80", "[::1 ]:80", "[::1/64]:80",
        /* forms of others */
        "unix:/run/x", "unix:@x", "udp://127.0.0.1:80", "127.0.0.1:80/", "127.0.0.1:80 ",
        " 127.0.0.1:80", "\n127.0.0.1:80", "127.0.0.1;80", "127.0.0.1 80"};
    for (size_t i = 0; i < COUNT(texts); i++)
        refused(texts[i]);
}
END_TEST

START_TEST(bad_scopes_are_refused)
{
    static const char *const scopes[] = {
        /* no name and no number */
        "%", "%%", "%%lo", "%no-such-iface", "%/", "%25lo", "%lo ", "%lo%lo",
        "%an-interface-name-that-is-longer-than-any",
        /* where SIOCGIFINDEX would stop reading */
        "%lo:1", "%lo:",
        /* what strtoul would take */
        "%-1", "%+1", "% 1", "%1 ", "%0x1", "%4294967296", "%99999999999999999999"};
    for (size_t i = 0; i < COUNT(scopes); i++) {
        char text[128];
        snprintf(text, sizeof text, "[fe80::1%s]:80", scopes[i]);
        refused(text);
    }
    refused("[%lo]:80");
    refused("[%1]:80");
}
END_TEST

START_TEST(one_byte_too_many_and_any_too_few_are_refused)
{
    static const char *const texts[] = {"127.0.0.1:1", "[::1]:1", "[fe80::1%1]:1"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (int byte = 1; byte < 256; byte++) {
            char text[32];
            snprintf(text, sizeof text, "%c%s", byte, texts[i]);
            refused(text);
            snprintf(text, sizeof text, "%s%c", texts[i], byte);
            if (byte < '0' || byte > '9')
                refused(text);
        }
        for (size_t length = 0; length < strlen(texts[i]); length++) {
            char text[32];
            snprintf(text, sizeof text, "%.*s", (int)length, texts[i]);
            refused(text);
        }
    }
}
END_TEST

START_TEST(long_texts_are_refused)
{
    const size_t size = (size_t)test_scale(1 << 20);
    static const char *const starts[] = {"",          "1",          "[",           "[::1",
                                         "[fe80::1%", "[::1]",      "[::1]:",      "[::1]:1",
                                         "127.0.0.1", "127.0.0.1:", "127.0.0.1:1", "unix:"};
    static const char *const ends[] = {"", "]:80", ":80"};
    static const char fill[] = "01.:[]%a/ \xff";
    char *text = malloc(size + 64);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < COUNT(starts); i++) {
        size_t length = strlen(starts[i]);
        memcpy(text, starts[i], length);
        for (size_t j = 0; fill[j]; j++) {
            memset(text + length, fill[j], size);
            for (size_t k = 0; k < COUNT(ends); k++) {
                strcpy(text + length + size, ends[k]);
                refused(text);
            }
        }
    }
    for (int zeros = 1; zeros < 600; zeros++) {
        snprintf(text, size, "[%0*d]:80", zeros, 0);
        refused(text);
        refused(text + 1);
        snprintf(text, size, "%0*d:80", zeros, 0);
        refused(text);
    }
    free(text);
}
END_TEST

START_TEST(interfaces_come_back_by_name)
{
    struct if_nameindex *all = if_nameindex();
    ck_assert_ptr_nonnull(all);
    for (struct if_nameindex *i = all; i->if_index != 0; i++) {
        char text[64];
        trale_addr by_name, by_number;
        snprintf(text, sizeof text, "[fe80::1%%%u]:53", i->if_index);
        parsed(&by_number, text);
        ck_assert_uint_eq(by_number.as.in6.sin6_scope_id, i->if_index);
        comes_back(&by_number);
        if (strspn(i->if_name, "0123456789") == strlen(i->if_name))
            continue; /* digits are always an index */
        snprintf(text, sizeof text, "[fe80::1%%%s]:53", i->if_name);
        formats_as(&by_number, text);
        parsed(&by_name, text);
        ck_assert_mem_eq(&by_name, &by_number, sizeof by_name);
    }
    if_freenameindex(all);
}
END_TEST

START_TEST(null_arguments_are_refused)
{
    char text[TRALE_ADDR_TEXT] = "as it was";
    trale_addr addr = in4("127.0.0.1", 1), before = addr;
    ck_assert_int_eq(trale_addr_parse(NULL, "127.0.0.1:1"), -EINVAL);
    ck_assert_int_eq(trale_addr_parse(&addr, NULL), -EINVAL);
    ck_assert_int_eq(trale_addr_parse(NULL, NULL), -EINVAL);
    ck_assert_int_eq(trale_addr_format(NULL, text, sizeof text), -EINVAL);
    ck_assert_int_eq(trale_addr_format(&addr, NULL, sizeof text), -EINVAL);
    ck_assert_int_eq(trale_addr_format(&addr, NULL, 0), -EINVAL);
    ck_assert_mem_eq(&addr, &before, sizeof addr);
    ck_assert_str_eq(text, "as it was");
}
END_TEST

START_TEST(format_writes_all_or_nothing)
{
    const trale_addr addrs[] = {in4("192.0.2.1", 65535), in6("fe80::1", 4000000000, 1),
                                local("/run/x", sizeof "/run/x"), local("\0a\1", 3)};
    for (size_t i = 0; i < COUNT(addrs); i++) {
        char text[64], untouched[64];
        memset(untouched, '#', sizeof untouched);
        ck_assert_int_eq(trale_addr_format(&addrs[i], text, sizeof text), 0);
        size_t needed = strlen(text) + 1;
        for (size_t size = 0; size <= needed + 1; size++) {
            memset(text, '#', sizeof text);
            int error = trale_addr_format(&addrs[i], text, size);
            ck_assert_int_eq(error, size < needed ? -ENOSPC : 0);
            size_t written = size < needed ? 0 : needed;
            ck_assert_mem_eq(text + written, untouched, sizeof text - written);
        }
    }
}
END_TEST

START_TEST(format_refuses_lengths_that_do_not_fit_the_family)
{
    const struct {
        trale_addr addr;
        socklen_t least, most;
    } cases[] = {{in4("192.0.2.1", 1), sizeof(struct sockaddr_in), sizeof(struct sockaddr_in)},
                 {in6("::1", 0, 1), sizeof(struct sockaddr_in6), sizeof(struct sockaddr_in6)},
                 {local("/x", 3), sizeof(sa_family_t), sizeof(struct sockaddr_un)}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        trale_addr addr = cases[i].addr;
        for (int length = -1; length < 300; length++) {
            char text[512] = "as it was";
            addr.length = (socklen_t)length;
            bool fits = addr.length >= cases[i].least && addr.length <= cases[i].most;
            ck_assert_int_eq(trale_addr_format(&addr, text, sizeof text), fits ? 0 : -EINVAL);
            ck_assert_int_eq(strcmp(text, "as it was") == 0, !fits);
        }
    }
}
END_TEST

START_TEST(format_refuses_other_families)
{
    char text[TRALE_ADDR_TEXT] = "as it was";
    trale_addr addr;
    memset(&addr, 0, sizeof addr);
    ck_assert_int_eq(trale_addr_format(&addr, text, sizeof text), -EAFNOSUPPORT);
    addr.length = sizeof addr.as.any;
    for (int family = 0; family < 0x10000; family++) {
        if (family == AF_INET || family == AF_INET6 || family == AF_UNIX)
            continue;
        addr.as.any.sa_family = (sa_family_t)family;
        ck_assert_int_eq(trale_addr_format(&addr, text, sizeof text), -EAFNOSUPPORT);
    }
    ck_assert_str_eq(text, "as it was");
}
END_TEST

START_TEST(unix_paths_are_formatted)
{
    trale_addr addr = local("/run/x.sock", sizeof "/run/x.sock");
    formats_as(&addr, "unix:/run/x.sock");
    addr = local("/run/x.sock", strlen("/run/x.sock")); /* the kernel's other way to count */
    formats_as(&addr, "unix:/run/x.sock");
    addr = local("relative", sizeof "relative");
    formats_as(&addr, "unix:relative");
    addr = local("", 0);
    formats_as(&addr, "unix:");

    char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1] = "/", expected[128];
    memset(path + 1, 'p', sizeof path - 2);
    snprintf(expected, sizeof expected, "unix:%s", path);
    addr = local(path, sizeof path - 1); /* without a final 0 */
    formats_as(&addr, expected);
    ck_assert_uint_lt(strlen(expected), TRALE_ADDR_TEXT);
}
END_TEST

START_TEST(abstract_unix_names_are_escaped)
{
    trale_addr addr = local("\0bus", 4);
    formats_as(&addr, "unix:@bus");
    addr = local("", 1);
    formats_as(&addr, "unix:@");
    addr = local("\0a b~", 5);
    formats_as(&addr, "unix:@a b~");
    addr = local("\0\0\n\x1f\x7f\x80\xff\\x", 9);
    formats_as(&addr, "unix:@\\x00\\x0a\\x1f\\x7f\\x80\\xff\\x5cx");
    addr = local("\0a\0", 3); /* a 0 at the end is part of the name */
    formats_as(&addr, "unix:@a\\x00");

    char name[sizeof addr.as.local.sun_path] = "", text[6 + 4 * (sizeof name - 1) + 1];
    addr = local(name, sizeof name); /* the longest text there is */
    ck_assert_int_eq(trale_addr_format(&addr, text, sizeof text - 1), -ENOSPC);
    ck_assert_int_eq(trale_addr_format(&addr, text, sizeof text), 0);
    ck_assert_uint_eq(strlen(text), sizeof text - 1);
}
END_TEST

START_TEST(random_addresses_come_back)
{
    for (long n = test_scale(30000); n > 0; n--) {
        trale_addr addr;
        if (n % 2) {
            addr = in4("0.0.0.0", (uint16_t)random_below(65536));
            random_bytes(&addr.as.in4.sin_addr, sizeof addr.as.in4.sin_addr);
        } else {
            /* A few groups only, so that there are zeros to leave out. */
            addr = in6("::", n % 4 ? 0 : random_below(UINT32_MAX), (uint16_t)random_below(65536));
            for (uint32_t groups = random_below(9); groups > 0; groups--)
                random_bytes(&addr.as.in6.sin6_addr.s6_addr[2 * random_below(8)], 2);
        }
        comes_back(&addr);
    }
}
END_TEST

/* Bytes of all kinds, but mostly those that addresses are made of. */
static char random_character(void)
{
    static const char usual[] = "0123456789012345678901234567890123456789abcdf....::::[]%lo +-x/";
    if (random_below(32) == 0)
        return (char)(1 + random_below(255));
    return usual[random_below(sizeof usual - 1)];
}

static void random_text(char *text, size_t size)
{
    static const char *const models[] = {"", "127.0.0.1:9998", "[::1]:0", "[fe80::1%lo]:53",
                                         "[2001:db8::ffff:192.0.2.33%77]:65535"};
    size_t length = (size_t)snprintf(text, size, "%s", models[random_below(COUNT(models))]);
    if (length == 0) {
        length = random_below((uint32_t)size);
        for (size_t i = 0; i < length; i++)
            text[i] = random_character();
    }
    for (uint32_t edits = random_below(4); edits > 0 && length > 0; edits--)
        text[random_below((uint32_t)length)] = random_character();
    if (random_below(8) == 0)
        length = random_below((uint32_t)length + 1);
    text[length] = '\0';
}

START_TEST(random_texts_are_refused_or_come_back)
{
    long read = 0, count = test_scale(50000);
    for (long n = count; n > 0; n--) {
        char text[64];
        trale_addr addr;
        random_text(text, sizeof text);
        if (parse(&addr, text) == 0) {
            comes_back(&addr);
            read++;
        }
    }
    ck_assert_int_gt(read, count / 100);
    ck_assert_int_lt(read, count);
}
END_TEST

START_TEST(random_structs_never_overrun)
{
    static const sa_family_t families[] = {AF_INET, AF_INET6, AF_UNIX, AF_UNIX, AF_UNSPEC};
    for (long n = test_scale(30000); n > 0; n--) {
        trale_addr addr;
        random_bytes(&addr, sizeof addr);
        addr.length = random_below(sizeof addr.as + 4);
        addr.as.any.sa_family = families[random_below(COUNT(families))];
        if (random_below(2))
            addr.as.local.sun_path[0] = '\0';
        size_t size = 1 + random_below(450);
        char *text = malloc(size);
        ck_assert_ptr_nonnull(text);
        int error = trale_addr_format(&addr, text, size);
        if (error == 0)
            ck_assert_uint_lt(strnlen(text, size), size);
        else
            ck_assert(error == -EINVAL || error == -ENOSPC || error == -EAFNOSUPPORT);
        free(text);
    }
}
END_TEST

TEST_MAIN("addr", parse_fills_in_every_field, canonical_texts_come_back,
          other_spellings_become_canonical, bad_ports_are_refused, bad_hosts_are_refused,
          bad_scopes_are_refused, one_byte_too_many_and_any_too_few_are_refused,
          long_texts_are_refused, interfaces_come_back_by_name, null_arguments_are_refused,
          format_writes_all_or_nothing, format_refuses_lengths_that_do_not_fit_the_family,
          format_refuses_other_families, unix_paths_are_formatted,
          abstract_unix_names_are_escaped, random_addresses_come_back,
          random_texts_are_refused_or_come_back, random_structs_never_overrun)
