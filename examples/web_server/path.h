/* From the path of a target to the name of a file below the root. Pure. */
#ifndef WEB_SERVER_PATH_H
#define WEB_SERVER_PATH_H

#include "text.h"

/*
 * Decodes %XX and writes a relative path, 0-terminated: no empty step, no ".", and never "..";
 * "" is the root. A slash at the end stays: it asks for a directory. Returns 0 or a status: 400
 * for what is no escape or stands for a slash or a 0, for "..", and for what does not begin with
 * a slash; 404 if there is no room, for no file has such a name.
 */
int path_decode(char *path, size_t room, struct text raw);

#endif
