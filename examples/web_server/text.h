/* A piece of text that stands somewhere else: not 0-terminated, not owned. at NULL: none. */
#ifndef WEB_SERVER_TEXT_H
#define WEB_SERVER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct text {
    const char *at;
    size_t size;
};

static inline void text_skip(struct text *text, size_t count)
{
    text->at += count;
    text->size -= count;
}

/* Takes what stands before the byte, or all if it is not there; the byte itself is passed over. */
static inline struct text text_until(struct text *rest, char end)
{
    const char *found = rest->size ? memchr(rest->at, end, rest->size) : NULL;
    struct text taken = {rest->at, found ? (size_t)(found - rest->at) : rest->size};

    text_skip(rest, taken.size + (found != NULL));
    return taken;
}

/* Without the spaces and tabs around it. */
static inline struct text text_trim(struct text text)
{
    while (text.size > 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
        text_skip(&text, 1);
    while (text.size > 0 && (text.at[text.size - 1] == ' ' || text.at[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/* Upper and lower case count the same. */
static inline bool text_same(struct text text, const char *word)
{
    return text.size == strlen(word) && strncasecmp(text.at, word, text.size) == 0;
}

#endif
