/* Parsing requests: RFC 9112, and RFC 9110 for what the fields mean. */
#include "request.h"

/* What has been seen of a head, beside what the caller is told. */
struct head {
    struct request *request;
    struct text target, host;
    struct text authority; /* of a target that names a host, "http://host/path" */
    enum { METHOD_UNKNOWN, METHOD_REFUSED, METHOD_SERVED } method;
    bool minor; /* HTTP/1.1, not 1.0 */
    bool length, coded, close, keep;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Letters, digits, and those of extra. */
static bool is_word(struct text text, const char *extra)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.at[i];

        if (!is_digit(c) && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            (c == '\0' || !strchr(extra, c)))
            return false;
    }
    return true;
}

static bool is_token(struct text text)
{
    return text.size > 0 && is_word(text, "!#$%&'*+-.^_`|~");
}

static bool is_host(struct text text)
{
    return is_word(text, "-._~!$&'()*+,;=%:[]");
}

/* What may stand in a line: no control byte but the tab. */
static bool is_line_byte(char c)
{
    return ((unsigned char)c >= ' ' && c != 0x7f) || c == '\t';
}

/* Takes a line, without its CRLF. A CR or LF alone ends nothing: it is refused. */
static int take_line(struct text *rest, struct text *line)
{
    size_t n = 0;

    while (n < rest->size && is_line_byte(rest->at[n]))
        n++;
    if (n < rest->size && rest->at[n] != '\r')
        return 400;
    if (n + 1 < rest->size && rest->at[n + 1] != '\n')
        return 400;
    if (n + 1 >= rest->size)
        return REQUEST_PARTIAL;
    *line = (struct text){rest->at, n};
    text_skip(rest, n + 2);
    return REQUEST_OK;
}

static void take_method(struct head *head, struct text method)
{
    static const char *const refused[] = {"POST",    "PUT",   "DELETE", "PATCH",
                                          "OPTIONS", "TRACE", "CONNECT"};

    if (method.size == 3 && memcmp(method.at, "GET", 3) == 0)
        head->method = METHOD_SERVED;
    if (method.size == 4 && memcmp(method.at, "HEAD", 4) == 0) {
        head->method = METHOD_SERVED;
        head->request->head = true;
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (method.size == strlen(refused[i]) && memcmp(method.at, refused[i], method.size) == 0)
            head->method = METHOD_REFUSED;
}

static int take_version(struct head *head, struct text version)
{
    if (version.size != 8 || memcmp(version.at, "HTTP/", 5) != 0 || !is_digit(version.at[5]) ||
        version.at[6] != '.' || !is_digit(version.at[7]))
        return 400;
    head->minor = version.at[7] != '0';
    return version.at[5] == '1' ? REQUEST_OK : 505;
}

static bool is_target(struct text target)
{
    for (size_t i = 0; i < target.size; i++)
        if ((unsigned char)target.at[i] >= 0x7f || target.at[i] <= ' ' || target.at[i] == '#')
            return false;
    return target.size > 0;
}

/* Exactly one space between method, target and version. */
static int take_request_line(struct head *head, struct text line)
{
    struct text method = text_until(&line, ' ');

    head->target = text_until(&line, ' ');
    if (!is_token(method) || !is_target(head->target))
        return 400;
    take_method(head, method);
    return take_version(head, line);
}

/* The path of a target "/path?query" or "http://host/path?query". */
static int split_target(struct head *head)
{
    struct text rest = head->target;
    const char scheme[] = "http://";

    if (rest.size >= strlen(scheme) && strncasecmp(rest.at, scheme, strlen(scheme)) == 0) {
        text_skip(&rest, strlen(scheme));
        head->authority = rest;
        while (rest.size > 0 && rest.at[0] != '/' && rest.at[0] != '?')
            text_skip(&rest, 1);
        head->authority.size -= rest.size;
        if (head->authority.size == 0)
            return 400;
    } else if (rest.at[0] != '/') {
        return 400;
    }
    head->request->path = text_until(&rest, '?');
    if (head->request->path.size == 0)
        head->request->path = (struct text){"/", 1};
    return REQUEST_OK;
}

/* The fields. What may come once comes once. */

static int take_once(struct text *place, struct text value)
{
    if (place->at)
        return 400;
    *place = value;
    return REQUEST_OK;
}

static int take_host(struct head *head, struct text value)
{
    return is_host(value) ? take_once(&head->host, value) : 400;
}

/* A number too great to hold is too great to serve: it stays at the greatest there is. */
static int take_length(struct head *head, struct text value)
{
    uint64_t length = 0;

    if (head->length || value.size == 0)
        return 400;
    head->length = true;
    for (size_t i = 0; i < value.size; i++) {
        if (!is_digit(value.at[i]))
            return 400;
        if (__builtin_mul_overflow(length, 10, &length) ||
            __builtin_add_overflow(length, value.at[i] - '0', &length))
            length = UINT64_MAX;
    }
    head->request->body = length;
    return REQUEST_OK;
}

static int take_coding(struct head *head, struct text value)
{
    (void)value;
    head->coded = true;
    return REQUEST_OK;
}

static int take_connection(struct head *head, struct text value)
{
    while (value.size > 0) {
        struct text option = text_trim(text_until(&value, ','));

        head->close |= text_same(option, "close");
        head->keep |= text_same(option, "keep-alive");
    }
    return REQUEST_OK;
}

static int take_expect(struct head *head, struct text value)
{
    (void)value;
    head->request->expect = true;
    return REQUEST_OK;
}

static int take_range(struct head *head, struct text value)
{
    return take_once(&head->request->range, value);
}

static int take_if_range(struct head *head, struct text value)
{
    return take_once(&head->request->if_range, value);
}

static int take_if_none_match(struct head *head, struct text value)
{
    head->request->if_none_match = value; /* a list, which may come in several lines */
    return REQUEST_OK;
}

static int take_if_modified_since(struct head *head, struct text value)
{
    return take_once(&head->request->if_modified_since, value);
}

static int take_field(struct head *head, struct text line)
{
    static const struct {
        const char *name;
        int (*take)(struct head *head, struct text value);
    } fields[] = {
        {"Host", take_host},
        {"Content-Length", take_length},
        {"Transfer-Encoding", take_coding},
        {"Connection", take_connection},
        {"Expect", take_expect},
        {"Range", take_range},
        {"If-Range", take_if_range},
        {"If-None-Match", take_if_none_match},
        {"If-Modified-Since", take_if_modified_since},
    };
    struct text name = text_until(&line, ':');

    if (!is_token(name) || name.at + name.size == line.at)
        return 400; /* no colon, a space before it, or a line that is folded */
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (text_same(name, fields[i].name))
            return fields[i].take(head, text_trim(line));
    return REQUEST_OK;
}

/* All lines are there: do they make a request that we serve? */
static int finish(struct head *head)
{
    struct request *request = head->request;

    if (head->minor && !head->host.at)
        return 400;
    if (head->coded)
        return head->length || !head->minor ? 400 : 501;
    if (head->method == METHOD_UNKNOWN)
        return 501;
    if (request->body > REQUEST_BODY_MAX)
        return 413;
    if (head->method == METHOD_REFUSED)
        return 405;
    if (split_target(head) != REQUEST_OK)
        return 400;
    /* Two names for the host, and a proxy before us may have gone by the other. */
    if (head->authority.at && head->host.at &&
        (head->authority.size != head->host.size ||
         strncasecmp(head->authority.at, head->host.at, head->host.size) != 0))
        return 400;
    request->keep_alive = !head->close && (head->minor || head->keep);
    return REQUEST_OK;
}

static int parse(struct head *head, struct text bytes)
{
    struct text rest = bytes, line;
    int status = take_line(&rest, &line);

    if (status == REQUEST_OK && line.size == 0) /* some clients send one after a body */
        status = take_line(&rest, &line);
    if (status == REQUEST_OK)
        status = take_request_line(head, line);
    while (status == REQUEST_OK) {
        status = take_line(&rest, &line);
        if (status == REQUEST_OK && line.size == 0)
            break;
        if (status == REQUEST_OK)
            status = take_field(head, line);
    }
    head->request->size = (size_t)(rest.at - bytes.at);
    return status == REQUEST_OK ? finish(head) : status;
}

int request_parse(struct request *request, const char *bytes, size_t size)
{
    struct head head = {.request = request};
    bool full = size >= REQUEST_HEAD_MAX;
    int status;

    *request = (struct request){0};
    status = parse(&head, (struct text){bytes, full ? REQUEST_HEAD_MAX : size});
    return status == REQUEST_PARTIAL && full ? 431 : status;
}
