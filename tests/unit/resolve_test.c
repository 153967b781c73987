/* Endpoints with names and services. Nothing here needs a network or a name server. */
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "io/resolve.h"
#include "system.h"

START_TEST(numbers_resolve_to_themselves)
{
    static const char *const texts[] = {"127.0.0.1:9998", "0.0.0.0:0", "[::1]:65535",
                                        "[fe80::1%77]:53"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        trale_addr list[RESOLVE_MAX], expected;
        ck_assert_int_eq(trale_addr_parse(&expected, texts[i]), 0);
        ck_assert_int_eq(endpoint_resolve(list, texts[i], SOCK_DGRAM), 1);
        ck_assert_mem_eq(&list[0], &expected, sizeof expected);
    }
}
END_TEST

START_TEST(what_is_no_endpoint_is_refused)
{
    /* At once: a name server would be asked for seconds. */
    static const char *const texts[] = {
        /* no HOST:PORT */
        "", ":", ":80", "localhost", "localhost:", "127.0.0.1", "[::1]", "[::1]80", "[]:80",
        "::1:80", "1::2:80", "localhost:1:2", "localhost::ntp", "[localhost]:80",
        "[127.0.0.1]:80", "local host:80", "local\nhost:80", " 127.0.0.1:80", "127.0.0.1 :80",
        /* ports that getaddrinfo would take */
        "localhost:+1", "localhost:-1", "localhost: 1", "localhost:1 ", "localhost:65536",
        "localhost:65616", "localhost:4294967376",
        /* addresses that it would take, or ask for */
        "1:80", "127.1:80", "0x7f.1:80", "0x7f000001:80", "0177.0.0.1:80", "256.1.1.1:80",
        "127.0.0.1.:80", "1.2.3.4.5:80"};
    trale_addr list[RESOLVE_MAX];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ck_assert_msg(endpoint_resolve(list, texts[i], SOCK_DGRAM) == -EINVAL, "\"%s\"",
                      texts[i]);
    ck_assert_int_eq(endpoint_resolve(list, NULL, SOCK_DGRAM), -EINVAL);
}
END_TEST

START_TEST(a_host_that_is_too_long_is_refused)
{
    char text[1024];
    trale_addr list[RESOLVE_MAX];
    memset(text, 'a', sizeof text);
    memcpy(text + sizeof text - 4, ":80", 4);
    ck_assert_int_eq(endpoint_resolve(list, text, SOCK_DGRAM), -EINVAL);
}
END_TEST

START_TEST(localhost_is_found)
{
    trale_addr list[RESOLVE_MAX];
    if (!has_localhost()) {
        printf("# localhost: skipped, this system does not know that name\n");
        return;
    }
    int count = endpoint_resolve(list, "localhost:9998", SOCK_DGRAM);
    ck_assert_int_ge(count, 1);
    ck_assert_int_le(count, RESOLVE_MAX);
    for (int i = 0; i < count; i++) {
        char text[TRALE_ADDR_TEXT];
        ck_assert_int_eq(trale_addr_format(&list[i], text, sizeof text), 0);
        ck_assert_msg(strncmp(text, "127.", 4) == 0 || strcmp(text, "[::1]:9998") == 0, "%s",
                      text);
        ck_assert_ptr_nonnull(strstr(text, ":9998"));
    }
}
END_TEST

START_TEST(services_are_found)
{
    const struct servent *service = getservbyname("ntp", "udp");
    trale_addr list[RESOLVE_MAX];
    int count4 = endpoint_resolve(list, "127.0.0.1:ntp", SOCK_DGRAM);
    ck_assert_int_eq(count4, service ? 1 : -ENOENT); /* /etc/services may be absent */
    if (service)
        ck_assert_int_eq(list[0].as.in4.sin_port, service->s_port);
    int count6 = endpoint_resolve(list, "[::1]:ntp", SOCK_DGRAM);
    ck_assert_int_eq(count6, count4);
    if (service)
        ck_assert_int_eq(list[0].as.in6.sin6_port, service->s_port);
}
END_TEST

START_TEST(unknown_services_are_not_found)
{
    trale_addr list[RESOLVE_MAX];
    ck_assert_int_eq(endpoint_resolve(list, "127.0.0.1:no-such-service", SOCK_DGRAM), -ENOENT);
    ck_assert_int_eq(endpoint_resolve(list, "[::1]:0x50", SOCK_STREAM), -ENOENT);
}
END_TEST

TEST_MAIN("resolve", numbers_resolve_to_themselves, what_is_no_endpoint_is_refused,
          a_host_that_is_too_long_is_refused, localhost_is_found, services_are_found,
          unknown_services_are_not_found)
