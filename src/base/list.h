/* An intrusive, circular, doubly linked list. The head is a link too; an empty head meets
 * itself. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <trale/base.h>

/* The structure of the given type whose member of that name is at pointer. */
#define container_of(pointer, type, member) \
    ((type *)((uintptr_t)(pointer)-offsetof(type, member)))

static inline void list_init(struct trale_link *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct trale_link *head)
{
    return head->next == head;
}

static inline void list_push_back(struct trale_link *head, struct trale_link *link)
{
    link->next = head;
    link->prev = head->prev;
    head->prev->next = link;
    head->prev = link;
}

static inline void list_push_front(struct trale_link *head, struct trale_link *link)
{
    list_push_back(head->next, link);
}

static inline void list_remove(struct trale_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
}

/* NULL if the list is empty. */
static inline struct trale_link *list_pop_front(struct trale_link *head)
{
    struct trale_link *link = head->next;

    if (link == head)
        return NULL;
    list_remove(link);
    return link;
}

/* Moves everything on from to the end of head. */
static inline void list_append(struct trale_link *head, struct trale_link *from)
{
    if (list_empty(from))
        return;
    from->next->prev = head->prev;
    head->prev->next = from->next;
    from->prev->next = head;
    head->prev = from->prev;
    list_init(from);
}

#endif
