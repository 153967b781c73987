/*
 * The head of an HTTP/1.x request: bytes in, a request or a status out. No I/O, no allocation;
 * what a request says points into the bytes.
 *
 * It is strict where two readers of the same bytes could disagree about where a request ends
 * (request smuggling): lines end with CRLF and nothing else, no line is folded, no space stands
 * before a colon, a length comes once, and a body has a length or there is none.
 */
#ifndef WEB_SERVER_REQUEST_H
#define WEB_SERVER_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

#define REQUEST_HEAD_MAX 8192        /* bytes of a head, its empty line included; more: 431 */
#define REQUEST_BODY_MAX (64 * 1024) /* bytes of a body, which is read and forgotten; more: 413 */

struct request {
    struct text path;  /* of the target: as it came, from its first slash, without the query */
    struct text range; /* of the fields here and below: at NULL, it did not come */
    struct text if_range;
    struct text if_none_match;
    struct text if_modified_since;
    size_t size;     /* bytes of the head */
    uint64_t body;   /* bytes that follow the head */
    bool head;       /* HEAD, not GET: answer without a body; right for refused ones, too */
    bool keep_alive; /* the connection is wanted afterwards */
    bool expect;     /* the body may come only once we have answered */
};

enum { REQUEST_OK = 0, REQUEST_PARTIAL = 1 };

/*
 * Parses the head at the beginning of bytes. REQUEST_OK: it is whole, and so is *request.
 * REQUEST_PARTIAL: more bytes are needed. Otherwise the status to refuse it with: nothing after
 * it can be trusted, so the connection has to end. The result does not depend on how the bytes
 * came in pieces: what is decided stays so whatever follows.
 */
int request_parse(struct request *request, const char *bytes, size_t size);

#endif
