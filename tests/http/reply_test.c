/* The heads of responses, and the types in them. */
#include "suite.h"

#include <stdio.h>
#include <string.h>

#include "date.h"
#include "reply.h"
#include "type.h"

static char text[REPLY_MAX + 1];

/* Without its date, which is the first field. */
static void formats(const struct reply *reply, const char *line, const char *rest)
{
    char start[100];
    const char *field = text, *body;
    size_t size = reply_format(text, reply);
    time_t date;

    ck_assert_uint_lt(size, REPLY_MAX);
    text[size] = '\0';
    snprintf(start, sizeof start, "HTTP/1.1 %s\r\nDate: ", line);
    ck_assert_msg(strncmp(text, start, strlen(start)) == 0, "%s", text);
    field += strlen(start);
    body = strchr(field, '\r');
    ck_assert_ptr_nonnull(body);
    ck_assert(date_parse(&date, (struct text){field, (size_t)(body - field)}));
    ck_assert_int_le(time(NULL) - date, 60);
    ck_assert_str_eq(body + 2, rest);
}

START_TEST(a_file_a_part_or_that_it_is_the_same)
{
    struct reply reply = {.status = 200,
                          .keep_alive = true,
                          .type = "text/css",
                          .total = 10,
                          .range = {0, 10},
                          .modified = 784111777};

    formats(&reply, "200 OK",
            "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nAccept-Ranges: bytes\r\n"
            "Content-Type: text/css\r\nContent-Length: 10\r\nConnection: keep-alive\r\n\r\n");
    reply.status = 206;
    reply.range = (struct range){3, 4};
    reply.keep_alive = false;
    formats(&reply, "206 Partial Content",
            "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Range: bytes 3-6/10\r\n"
            "Accept-Ranges: bytes\r\nContent-Type: text/css\r\nContent-Length: 4\r\n"
            "Connection: close\r\n\r\n");
    reply.status = 304;
    formats(&reply, "304 Not Modified",
            "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n\r\n");
}
END_TEST

START_TEST(a_file_is_not_modified_in_the_future)
{
    struct reply reply = {.status = 200, .type = "a/b", .modified = time(NULL) + 1000000};
    time_t date;
    char *field;

    text[reply_format(text, &reply)] = '\0';
    field = strstr(text, "Last-Modified: ");
    ck_assert_ptr_nonnull(field);
    field += strlen("Last-Modified: ");
    ck_assert(date_parse(&date, (struct text){field, strcspn(field, "\r")}));
    ck_assert_int_le(date, time(NULL));
}
END_TEST

START_TEST(errors_say_what_helps)
{
    formats(&(struct reply){.status = 404, .keep_alive = true}, "404 Not Found",
            "Content-Type: text/plain\r\nContent-Length: 14\r\nConnection: keep-alive\r\n\r\n"
            "404 Not Found\n");
    formats(&(struct reply){.status = 405, .head = true}, "405 Method Not Allowed",
            "Allow: GET, HEAD\r\nContent-Type: text/plain\r\nContent-Length: 23\r\n"
            "Connection: close\r\n\r\n");
    formats(&(struct reply){.status = 416, .total = 7, .head = true}, "416 Range Not Satisfiable",
            "Content-Range: bytes */7\r\nContent-Type: text/plain\r\nContent-Length: 26\r\n"
            "Connection: close\r\n\r\n");
    formats(&(struct reply){.status = 301, .head = true, .location = {"a:b", 3}},
            "301 Moved Permanently",
            "Location: ./a:b/\r\nContent-Type: text/plain\r\nContent-Length: 22\r\n"
            "Connection: close\r\n\r\n");
}
END_TEST

START_TEST(what_does_not_fit_is_cut)
{
    char step[REPLY_MAX];

    memset(step, 'a', sizeof step);
    ck_assert_uint_lt(
        reply_format(text, &(struct reply){.status = 301, .location = {step, sizeof step}}),
        REPLY_MAX);
}
END_TEST

START_TEST(types_go_by_the_last_suffix)
{
    ck_assert_str_eq(type_of("a/b.HTML"), "text/html; charset=utf-8");
    ck_assert_str_eq(type_of("a.html.png"), "image/png");
    ck_assert_str_eq(type_of("a.html/b"), "application/octet-stream");
    ck_assert_str_eq(type_of("html"), "application/octet-stream");
    ck_assert_str_eq(type_of("a."), "application/octet-stream");
    ck_assert_str_eq(type_of(""), "application/octet-stream");
}
END_TEST

TEST_MAIN("reply", a_file_a_part_or_that_it_is_the_same, a_file_is_not_modified_in_the_future,
          errors_say_what_helps, what_does_not_fit_is_cut, types_go_by_the_last_suffix)
