/* Parsing "bytes=first-last", "bytes=first-", "bytes=-count". */
#include "range.h"

/* False: no number. One that is too great to hold is the greatest that can be held. */
static bool parse_number(uint64_t *number, struct text text)
{
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, text.at[i] - '0', number))
            *number = UINT64_MAX;
    }
    return text.size > 0;
}

/* The last so many bytes. */
static int parse_suffix(struct range *range, struct text text, uint64_t size)
{
    uint64_t count;

    if (!parse_number(&count, text))
        return 200;
    if (count == 0)
        return 416;
    if (size == 0)
        return 200;
    range->count = count < size ? count : size;
    range->first = size - range->count;
    return 206;
}

int range_parse(struct range *range, struct text value, uint64_t size)
{
    struct text last = value, first;
    uint64_t from, to = UINT64_MAX;

    if (!text_same(text_until(&last, '='), "bytes") || !memchr(last.at, '-', last.size))
        return 200;
    last = text_trim(last);
    first = text_until(&last, '-');
    if (first.size == 0)
        return parse_suffix(range, last, size);
    if (!parse_number(&from, first) || (last.size > 0 && !parse_number(&to, last)) || to < from)
        return 200;
    if (from >= size)
        return 416;
    range->first = from;
    range->count = (to < size ? to + 1 : size) - from;
    return 206;
}
