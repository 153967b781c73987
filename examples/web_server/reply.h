/* The head of a response, as text. Pure, but for the clock: every reply has its date. */
#ifndef WEB_SERVER_REPLY_H
#define WEB_SERVER_REPLY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "range.h"
#include "text.h"

#define REPLY_MAX 2048 /* room for any head, and the body of an error */

struct reply {
    int status;
    bool keep_alive;
    bool head;            /* HEAD was asked: no body */
    const char *type;     /* of the file; NULL: there is none, and the body is the status */
    uint64_t total;       /* bytes of the file: of it all, whatever is sent */
    time_t modified;      /* of the file */
    struct range range;   /* what is sent of the file */
    struct text location; /* 301: the last step of the path, a folder's */
};

/* Writes the head, and for an error its short body; returns the size. */
size_t reply_format(char text[REPLY_MAX], const struct reply *reply);

#endif
