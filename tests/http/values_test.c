/* The small parsers of the web server: paths, ranges, dates. */
#include "suite.h"

#include "date.h"
#include "path.h"
#include "range.h"

static struct text text_of(const char *string)
{
    return (struct text){string, strlen(string)};
}

static void decodes(const char *raw, const char *expected)
{
    char path[64];

    ck_assert_msg(path_decode(path, sizeof path, text_of(raw)) == 0, "%s", raw);
    ck_assert_str_eq(path, expected);
}

START_TEST(a_path_is_relative_and_plain)
{
    decodes("/", "");
    decodes("/a", "a");
    decodes("/a/", "a/");
    decodes("/a/b.c", "a/b.c");
    decodes("//a///b//", "a/b/");
    decodes("/./a/./b/.", "a/b/");
    decodes("/%61%2e%2E%2e/%7e", "a.../~");
    decodes("/%2e", "");
    decodes("/%25%32%65", "%2e");
    decodes("/...", "...");
    decodes("/..a/b..", "..a/b..");
    decodes("/%c3%a4", "\xc3\xa4");
    decodes("/a\\..\\b", "a\\..\\b");
}
END_TEST

START_TEST(no_path_leads_out)
{
    static const char *const bad[] = {
        "",       "a",        "..",        "/..",       "/../a",   "/a/../b",  "/a/..",
        "/%2e.",  "/.%2E/a",  "/%2e%2e/a", "/a%2fb",    "/%2F",    "/..%2f..", "/a%00",
        "/%00",   "/%",       "/%2",       "/%zz",      "/%2z",    "/%z2",     "/a%",
        "/a/../", "/%2e%2e/", "//..",      "/./../etc", "/%u0041",
    };
    char path[64];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(path_decode(path, sizeof path, text_of(bad[i])) == 400, "%s", bad[i]);
}
END_TEST

START_TEST(bytes_beyond_its_end_are_not_the_paths)
{
    char bytes[100], path[64];

    memset(bytes, 'a', sizeof bytes);
    memcpy(bytes, "/%41", 4);
    for (size_t cut = 2; cut < 4; cut++)
        ck_assert_int_eq(path_decode(path, sizeof path, (struct text){bytes, cut}), 400);
}
END_TEST

START_TEST(a_path_must_find_room)
{
    char path[4];

    ck_assert_int_eq(path_decode(path, sizeof path, text_of("/abc")), 0);
    ck_assert_str_eq(path, "abc");
    ck_assert_int_eq(path_decode(path, sizeof path, text_of("/abcd")), 404);
}
END_TEST

START_TEST(a_range_is_what_is_there_of_it)
{
    static const struct {
        const char *value;
        uint64_t size, first, count;
    } cases[] = {
        {"bytes=0-0", 10, 0, 1},
        {"bytes=0-9", 10, 0, 10},
        {"bytes=3-5", 10, 3, 3},
        {"bytes=3-99", 10, 3, 7},
        {"bytes=9-", 10, 9, 1},
        {"bytes=0-", 1, 0, 1},
        {"bytes=-1", 10, 9, 1},
        {"bytes=-10", 10, 0, 10},
        {"bytes=-11", 10, 0, 10},
        {"Bytes=3-5", 10, 3, 3},
        {"bytes= 3-5", 10, 3, 3},
        {"bytes=0-18446744073709551615", 10, 0, 10},
        {"bytes=-99999999999999999999999", 10, 0, 10},
        {"bytes=5000000000-5000000009", 6000000000, 5000000000, 10},
    };
    struct range range;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = range_parse(&range, text_of(cases[i].value), cases[i].size);

        ck_assert_msg(status == 206, "%d for %s", status, cases[i].value);
        ck_assert_uint_eq(range.first, cases[i].first);
        ck_assert_uint_eq(range.count, cases[i].count);
    }
}
END_TEST

START_TEST(other_ranges_are_everything_or_nothing)
{
    static const struct {
        int status;
        uint64_t size;
        const char *value;
    } cases[] = {
        {416, 10, "bytes=10-"},  {416, 10, "bytes=10-10"},
        {416, 0, "bytes=0-"},    {416, 10, "bytes=-0"},
        {416, 0, "bytes=-0"},    {200, 0, "bytes=-1"},
        {200, 10, "bytes=5-4"},  {200, 10, "bytes=0-1,3-4"},
        {200, 10, "bytes=-"},    {200, 10, "bytes="},
        {200, 10, "bytes"},      {200, 10, ""},
        {200, 10, "lines=0-1"},  {200, 10, "bytes=a-b"},
        {200, 10, "bytes=--1"},  {200, 10, "bytes=1-2-3"},
        {200, 10, "bytes=1 -2"}, {200, 10, "bytes =1-2"},
        {200, 10, "bytes=+1-2"}, {200, 10, "=1-2"},
        {200, 10, "1-2"},        {416, 10, "bytes=99999999999999999999999-"},
    };
    struct range range;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = range_parse(&range, text_of(cases[i].value), cases[i].size);

        ck_assert_msg(status == cases[i].status, "%d for %s", status, cases[i].value);
    }
}
END_TEST

START_TEST(dates_come_in_three_forms)
{
    static const char *const good[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                       "Sunday, 06-Nov-94 08:49:37 GMT",
                                       "Sun Nov  6 08:49:37 1994"};
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "Sun, 06 Nov 1994 08:49:37 GMT, and more",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "Sun, 06 Foo 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:37 GMT Sun, 06 Nov 1994 08:49:37"};
    char text[DATE_TEXT];
    time_t time;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ck_assert_msg(date_parse(&time, text_of(good[i])), "%s", good[i]);
        ck_assert_int_eq(time, 784111777);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!date_parse(&time, text_of(bad[i])), "%s", bad[i]);
    date_format(text, 784111777);
    ck_assert_str_eq(text, good[0]);
    date_format(text, INT64_MAX);
    ck_assert_str_eq(text, "");
    date_format(text, INT64_C(300000000000)); /* in the year 11476 */
    ck_assert_str_eq(text, "");
}
END_TEST

TEST_MAIN("values", a_path_is_relative_and_plain, no_path_leads_out,
          bytes_beyond_its_end_are_not_the_paths, a_path_must_find_room,
          a_range_is_what_is_there_of_it, other_ranges_are_everything_or_nothing,
          dates_come_in_three_forms)
