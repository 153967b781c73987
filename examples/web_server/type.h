/* Content types by the suffix of a name. Pure. */
#ifndef WEB_SERVER_TYPE_H
#define WEB_SERVER_TYPE_H

/* "application/octet-stream" if the suffix says nothing. */
const char *type_of(const char *path);

#endif
