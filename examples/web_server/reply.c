/* Formatting replies. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "date.h"
#include "reply.h"

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Content Too Large"},
        {416, "Range Not Satisfiable"},
        {431, "Request Header Fields Too Large"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Internal Server Error";
}

/* What is written to, and how much of it is. */
struct page {
    char *text;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static void add(struct page *page, const char *format, ...)
{
    size_t room = REPLY_MAX - page->size;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(page->text + page->size, room, format, args);
    va_end(args);
    if (n > 0)
        page->size += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_date(struct page *page, const char *name, time_t time)
{
    char text[DATE_TEXT];

    date_format(text, time);
    if (text[0])
        add(page, "%s: %s\r\n", name, text);
}

/* A file, or a part of it, or that it is as it was. A file of the future was modified now. */
static void add_file(struct page *page, const struct reply *reply, time_t now)
{
    const struct range *range = &reply->range;

    add_date(page, "Last-Modified", reply->modified < now ? reply->modified : now);
    if (reply->status == 304)
        return;
    if (reply->status == 206)
        add(page, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", range->first,
            range->first + range->count - 1, reply->total);
    add(page, "Accept-Ranges: bytes\r\nContent-Type: %s\r\nContent-Length: %" PRIu64 "\r\n",
        reply->type, range->count);
}

/* The place is told from the path's own folder: "./", so that no step is taken for a host or a
 * scheme. */
static void add_status(struct page *page, const struct reply *reply)
{
    if (reply->status == 405)
        add(page, "Allow: GET, HEAD\r\n");
    if (reply->status == 416)
        add(page, "Content-Range: bytes */%" PRIu64 "\r\n", reply->total);
    if (reply->status == 301)
        add(page, "Location: ./%.*s/\r\n", (int)reply->location.size, reply->location.at);
    add(page, "Content-Type: text/plain\r\nContent-Length: %zu\r\n",
        strlen(reason(reply->status)) + strlen("404 \n"));
}

size_t reply_format(char text[REPLY_MAX], const struct reply *reply)
{
    struct page page = {text, 0};
    time_t now = time(NULL);

    add(&page, "HTTP/1.1 %d %s\r\n", reply->status, reason(reply->status));
    add_date(&page, "Date", now);
    if (reply->type)
        add_file(&page, reply, now);
    else
        add_status(&page, reply);
    add(&page, "Connection: %s\r\n\r\n", reply->keep_alive ? "keep-alive" : "close");
    if (!reply->type && !reply->head)
        add(&page, "%d %s\n", reply->status, reason(reply->status));
    return page.size;
}
