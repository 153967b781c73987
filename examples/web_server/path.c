/* Decoding paths: first the escapes, then the steps. */
#include "path.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Takes one byte, which may come as %XX. False: it must not stand in a path. */
static bool take_byte(struct text *raw, char *byte)
{
    int high, low;

    *byte = raw->at[0];
    if (*byte != '%') {
        text_skip(raw, 1);
        return *byte != '\0';
    }
    if (raw->size < 3)
        return false;
    high = hex(raw->at[1]);
    low = hex(raw->at[2]);
    text_skip(raw, 3);
    if (high < 0 || low < 0)
        return false;
    *byte = (char)(high * 16 + low);
    return *byte != '\0' && *byte != '/'; /* an escaped slash is no step: files have none */
}

/* Where the steps are all decided: in place, for what is written is never longer than what was
 * read. */
static int keep_steps(char *path, struct text decoded)
{
    char *end = path;

    while (decoded.size > 0) {
        size_t before = decoded.size;
        struct text step = text_until(&decoded, '/');
        bool slash = before - decoded.size > step.size;

        if (text_same(step, ".."))
            return 400;
        if (step.size == 0 || text_same(step, "."))
            continue;
        memmove(end, step.at, step.size);
        end += step.size;
        if (slash)
            *end++ = '/';
    }
    *end = '\0';
    return 0;
}

int path_decode(char *path, size_t room, struct text raw)
{
    size_t n = 0;

    if (raw.size == 0 || raw.at[0] != '/')
        return 400;
    for (text_skip(&raw, 1); raw.size > 0; n++) {
        if (n + 1 >= room)
            return 404;
        if (!take_byte(&raw, &path[n]))
            return 400;
    }
    return keep_steps(path, (struct text){path, n});
}
