/* Answering one request. */
#ifndef WEB_SERVER_RESPONSE_H
#define WEB_SERVER_RESPONSE_H

#include "connection.h"

/* Sends the file that the request asks for, or says why not. -errno: the response is not whole,
 * and the connection has to end. */
int response_send(struct connection *c, const struct request *request);

/* Sends an error. */
int response_refuse(struct connection *c, const struct request *request, int status);

#endif
