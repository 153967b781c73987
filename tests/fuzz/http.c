/*
 * The parsers of the web server, with any bytes: a request, and from it path, range and date.
 * What must hold whatever comes: what is decided for some bytes stays so with more of them, what
 * a request says lies within its head, and a path leads nowhere but down.
 */
#include <stdlib.h>

#include "date.h"
#include "fuzz.h"
#include "path.h"
#include "range.h"
#include "request.h"

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void lies_within(struct text text, const char *bytes, size_t size)
{
    must(!text.at || (text.at >= bytes && text.at + text.size <= bytes + size));
}

static void check_path(struct text raw)
{
    char path[256];
    struct text rest;

    if (path_decode(path, sizeof path, raw) != 0)
        return;
    must(path[0] != '/');
    rest = (struct text){path, strlen(path)};
    while (rest.size > 0) {
        struct text step = text_until(&rest, '/');

        must(step.size > 0 && !text_same(step, ".") && !text_same(step, ".."));
    }
}

static void check_range(struct text value, uint64_t size)
{
    struct range range;

    if (range_parse(&range, value, size) == 206)
        must(range.count > 0 && range.first < size && range.count <= size - range.first);
}

static void check_request(const struct request *r, const char *bytes, size_t size)
{
    time_t time;

    must(r->size <= size && r->size <= REQUEST_HEAD_MAX && r->body <= REQUEST_BODY_MAX);
    must(memcmp(bytes + r->size - 4, "\r\n\r\n", 4) == 0);
    if (r->path.size > 1)
        lies_within(r->path, bytes, r->size);
    lies_within(r->range, bytes, r->size);
    lies_within(r->if_range, bytes, r->size);
    lies_within(r->if_modified_since, bytes, r->size);
    check_path(r->path);
    if (r->range.at) {
        check_range(r->range, 0);
        check_range(r->range, 1000);
        check_range(r->range, UINT64_MAX);
    }
    if (r->if_modified_since.at)
        date_parse(&time, r->if_modified_since);
}

/* Every prefix is undecided, or decided in the same way. */
static void check_prefix(const char *bytes, size_t size, int status, size_t head)
{
    struct request r;
    int early = request_parse(&r, bytes, size);

    must(early == REQUEST_PARTIAL ||
         (early == status && (early != REQUEST_OK || r.size == head)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct request request;
    int status = request_parse(&request, bytes, size);

    must(status == REQUEST_OK || status == REQUEST_PARTIAL || (status >= 400 && status < 600));
    if (status == REQUEST_OK)
        check_request(&request, bytes, size);
    for (size_t n = 0; n < size; n += 1 + size / 64)
        check_prefix(bytes, n, status, request.size);
    check_path((struct text){bytes, size});
    check_range((struct text){bytes, size}, 1000);
    return 0;
}
