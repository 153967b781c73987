/* The request parser of the web server: what it takes, what it refuses, and that the pieces in
 * which bytes come make no difference. */
#include "suite.h"

#include <stdlib.h>

#include "request.h"

#define HOST "Host: h\r\n"

static int parse(struct request *request, const char *bytes)
{
    return request_parse(request, bytes, strlen(bytes));
}

static void is_text(struct text text, const char *expected)
{
    ck_assert_ptr_nonnull(text.at);
    ck_assert_uint_eq(text.size, strlen(expected));
    ck_assert_mem_eq(text.at, expected, text.size);
}

struct refused {
    int status;
    const char *bytes;
};

static void check_all(const struct refused *cases, size_t count)
{
    struct request request;

    for (size_t i = 0; i < count; i++) {
        int status = parse(&request, cases[i].bytes);

        ck_assert_msg(status == cases[i].status, "%d, not %d, for:\n%s", status, cases[i].status,
                      cases[i].bytes);
    }
}

#define CHECK_ALL(cases) check_all(cases, sizeof(cases) / sizeof *(cases))

START_TEST(a_request_says_what_it_wants)
{
    const char bytes[] = "GET /a%20b?x=1 HTTP/1.1\r\nhost: h:80\r\nRANGE:\t bytes=1-2 \r\n"
                         "If-Range: r\r\nIf-Modified-Since: d\r\nIf-None-Match:\r\n"
                         "Accept: */*\r\n\r\nGET /next";
    struct request r;

    ck_assert_int_eq(parse(&r, bytes), REQUEST_OK);
    ck_assert_uint_eq(r.size, sizeof bytes - 1 - strlen("GET /next"));
    is_text(r.path, "/a%20b");
    is_text(r.range, "bytes=1-2");
    is_text(r.if_range, "r");
    is_text(r.if_modified_since, "d");
    is_text(r.if_none_match, "");
    ck_assert(!r.head && r.keep_alive && !r.expect && r.body == 0);
}
END_TEST

START_TEST(what_did_not_come_is_not_there)
{
    struct request r;

    memset(&r, 0xff, sizeof r);
    ck_assert_int_eq(parse(&r, "HEAD / HTTP/1.0\r\n\r\n"), REQUEST_OK);
    is_text(r.path, "/");
    ck_assert(r.head && !r.keep_alive && !r.expect && r.body == 0);
    ck_assert(!r.range.at && !r.if_range.at && !r.if_none_match.at && !r.if_modified_since.at);
}
END_TEST

START_TEST(keep_alive_is_the_rule_of_1_1_and_a_wish_in_1_0)
{
    static const struct {
        bool keep;
        const char *bytes;
    } cases[] = {
        {true, "GET / HTTP/1.1\r\n" HOST "\r\n"},
        {true, "GET / HTTP/1.9\r\n" HOST "\r\n"},
        {false, "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"},
        {false, "GET / HTTP/1.1\r\n" HOST "Connection: TE ,\tClose\r\n\r\n"},
        {false, "GET / HTTP/1.1\r\n" HOST "Connection: close\r\nConnection: x\r\n\r\n"},
        {true, "GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n"},
        {false, "GET / HTTP/1.0\r\n\r\n"},
        {true, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"},
        {false, "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"},
    };
    struct request r;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(parse(&r, cases[i].bytes), REQUEST_OK);
        ck_assert_msg(r.keep_alive == cases[i].keep, "%s", cases[i].bytes);
    }
}
END_TEST

START_TEST(a_body_has_a_length_once)
{
    static const struct refused cases[] = {
        {0, "GET / HTTP/1.1\r\n" HOST "Content-Length: 65536\r\n\r\n"},
        {413, "GET / HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n"},
        {413, "GET / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551616\r\n\r\n"},
        {413, "GET / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999999\r\n\r\n"},
        {413, "POST / HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "Content-Length: 1 1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"},
        {501, "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"},
        {501, "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: x\r\nContent-Length: 0\r\n\r\n"},
        {400, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
    };
    struct request r;

    CHECK_ALL(cases);
    ck_assert_int_eq(parse(&r, "GET / HTTP/1.1\r\n" HOST "Content-Length: 007\r\n"
                               "Expect: 100-continue\r\n\r\n"),
                     REQUEST_OK);
    ck_assert_uint_eq(r.body, 7);
    ck_assert(r.expect);
}
END_TEST

START_TEST(lines_end_with_crlf_and_are_not_folded)
{
    static const struct refused cases[] = {
        {0, "\r\nGET / HTTP/1.1\r\n" HOST "\r\n"},
        {400, "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"},
        {400, "\nGET / HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET / HTTP/1.1\n" HOST "\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: h\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "\n"},
        {400, "GET / HTTP/1.1\r" HOST "\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "A: b\r\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "A: b\r\n\tc: d\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n Host: h\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "A: b\001\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "A: b\177\r\n\r\n"},
        {0, "GET / HTTP/1.1\r\n" HOST "A: \xc3\xa4\tb\r\n\r\n"},
        {400, "\026\003\001"}, /* TLS */
    };
    struct request r;
    const char zero[] = "GET / HTTP/1.1\r\n" HOST "A: \0b\r\n\r\n";

    CHECK_ALL(cases);
    ck_assert_int_eq(request_parse(&r, zero, sizeof zero - 1), 400);
}
END_TEST

START_TEST(fields_have_a_name_and_a_colon_right_after_it)
{
    static const struct refused cases[] = {
        {400, "GET / HTTP/1.1\r\n" HOST "Accept : b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "Content-Length : 1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "Accept\t: b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "Acc ept: b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "Accept\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "A(b): c\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "\xc3\xa4: c\r\n\r\n"},
        {0, "GET / HTTP/1.1\r\n" HOST "A!#$%&'*+-.^_`|~9:c\r\n\r\n"},
        {0, "GET / HTTP/1.1\r\n" HOST "A:\r\n\r\n"},
    };

    CHECK_ALL(cases);
}
END_TEST

START_TEST(the_request_line_has_three_words)
{
    static const struct refused cases[] = {
        {400, "GET\r\n"},
        {400, "GET /\r\n"},
        {400, "GET / \r\n"},
        {400, " GET / HTTP/1.1\r\n"},
        {400, "GET  / HTTP/1.1\r\n"},
        {400, "GET /  HTTP/1.1\r\n"},
        {400, "GET / HTTP/1.1 \r\n"},
        {400, "GET / a HTTP/1.1\r\n"},
        {400, "GET\t/ HTTP/1.1\r\n"},
        {400, "GET / http/1.1\r\n"},
        {400, "GET / HTTP/1.10\r\n"},
        {400, "GET / HTTP/11\r\n"},
        {400, "GET / HTTP/x.1\r\n"},
        {400, "GET / HTTPS1.1\r\n"},
        {505, "GET / HTTP/2.0\r\n"},
        {505, "GET / HTTP/0.9\r\n"},
        {400, "G(T / HTTP/1.1\r\n"},
        {400, "G\"T / HTTP/1.1\r\n"},
        {400, "GET /\xc3\xa4 HTTP/1.1\r\n"},
        {400, "GET /a#b HTTP/1.1\r\n"},
        {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}, /* HTTP/2 */
    };

    CHECK_ALL(cases);
}
END_TEST

START_TEST(methods_are_served_refused_or_unknown)
{
    static const struct refused cases[] = {
        {405, "POST / HTTP/1.1\r\n" HOST "\r\n"},
        {405, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"},
        {405, "DELETE / HTTP/1.1\r\n" HOST "\r\n"},
        {405, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"},
        {405, "CONNECT h:80 HTTP/1.1\r\n" HOST "\r\n"},
        {405, "TRACE / HTTP/1.0\r\n\r\n"},
        {501, "BREW / HTTP/1.1\r\n" HOST "\r\n"},
        {501, "get / HTTP/1.1\r\n" HOST "\r\n"},
        {501, "GETT / HTTP/1.1\r\n" HOST "\r\n"},
        {400, "POST / HTTP/1.1\r\n\r\n"},
    };

    CHECK_ALL(cases);
}
END_TEST

START_TEST(a_host_is_named_once)
{
    static const struct refused cases[] = {
        {400, "GET / HTTP/1.1\r\n\r\n"},
        {0, "GET / HTTP/1.0\r\n\r\n"},
        {0, "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
        {0, "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
        {400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a\r\nRange: x\r\nRange: x\r\n\r\n"},
        {0, "GET HTTP://A:80/x HTTP/1.1\r\nHost: a:80\r\n\r\n"},
        {400, "GET http://a/x HTTP/1.1\r\nHost: b\r\n\r\n"},
        {400, "GET http://ab/x HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET http://a/x HTTP/1.1\r\nHost:\r\n\r\n"},
        {400, "GET http://a/x HTTP/1.1\r\nHost: a:80\r\n\r\n"},
        {400, "GET http://a/x HTTP/1.1\r\n\r\n"},
        {400, "GET http:///x HTTP/1.1\r\nHost:\r\n\r\n"},
        {400, "GET https://a/x HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
    };
    struct request r;

    CHECK_ALL(cases);
    ck_assert_int_eq(parse(&r, "GET http://a/x?y HTTP/1.1\r\nHost: a\r\n\r\n"), REQUEST_OK);
    is_text(r.path, "/x");
    ck_assert_int_eq(parse(&r, "GET http://a?y/z HTTP/1.1\r\nHost: a\r\n\r\n"), REQUEST_OK);
    is_text(r.path, "/");
}
END_TEST

/* A head of exactly size bytes. */
static char *long_head(size_t size)
{
    const char first[] = "GET / HTTP/1.1\r\n" HOST "A: ", last[] = "\r\n\r\n";
    char *bytes = malloc(size);

    ck_assert_ptr_nonnull(bytes);
    memset(bytes, 'a', size);
    memcpy(bytes, first, sizeof first - 1);
    memcpy(bytes + size - (sizeof last - 1), last, sizeof last - 1);
    return bytes;
}

START_TEST(a_head_has_its_limit)
{
    char *fits = long_head(REQUEST_HEAD_MAX), *exceeds = long_head(REQUEST_HEAD_MAX + 1);
    struct request r;

    ck_assert_int_eq(request_parse(&r, fits, REQUEST_HEAD_MAX), REQUEST_OK);
    ck_assert_int_eq(request_parse(&r, fits, REQUEST_HEAD_MAX - 1), REQUEST_PARTIAL);
    ck_assert_int_eq(request_parse(&r, exceeds, REQUEST_HEAD_MAX - 1), REQUEST_PARTIAL);
    ck_assert_int_eq(request_parse(&r, exceeds, REQUEST_HEAD_MAX), 431);
    ck_assert_int_eq(request_parse(&r, exceeds, REQUEST_HEAD_MAX + 1), 431);
    free(fits);
    free(exceeds);
}
END_TEST

START_TEST(pieces_make_no_difference)
{
    static const struct refused cases[] = {
        {0, "\r\nGET / HTTP/1.1\r\n" HOST "Range: bytes=0-\r\n\r\n"},
        {405, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "A b: c\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "A: b\rc"},
        {400, "GET / HTTP/2.0\001"},
        {505, "GET / HTTP/2.0\r\n"},
    };
    struct request r;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = strlen(cases[i].bytes);

        for (size_t n = 0; n < size; n++)
            ck_assert_int_eq(request_parse(&r, cases[i].bytes, n), REQUEST_PARTIAL);
        ck_assert_int_eq(request_parse(&r, cases[i].bytes, size), cases[i].status);
    }
}
END_TEST

START_TEST(refusals_know_whether_a_body_is_wanted)
{
    struct request r;

    ck_assert_int_eq(parse(&r, "HEAD / HTTP/1.1\r\n\r\n"), 400);
    ck_assert(r.head && !r.keep_alive);
    ck_assert_int_eq(parse(&r, "GET / HTTP/1.1\r\n\r\n"), 400);
    ck_assert(!r.head && !r.keep_alive);
}
END_TEST

TEST_MAIN("request", a_request_says_what_it_wants, what_did_not_come_is_not_there,
          keep_alive_is_the_rule_of_1_1_and_a_wish_in_1_0, a_body_has_a_length_once,
          lines_end_with_crlf_and_are_not_folded, fields_have_a_name_and_a_colon_right_after_it,
          the_request_line_has_three_words, methods_are_served_refused_or_unknown,
          a_host_is_named_once, a_head_has_its_limit, pieces_make_no_difference,
          refusals_know_whether_a_body_is_wanted)
