/* The Range field: RFC 9110, section 14. Pure. */
#ifndef WEB_SERVER_RANGE_H
#define WEB_SERVER_RANGE_H

#include <stdint.h>

#include "text.h"

struct range {
    uint64_t first, count;
};

/*
 * What to send of size bytes, for a Range field of this value. 206: *range, which is not empty.
 * 416: nothing of it is there. 200: everything; so it is for several ranges, other units, and
 * what makes no sense.
 */
int range_parse(struct range *range, struct text value, uint64_t size);

#endif
