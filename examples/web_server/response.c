/* From a request to a file to a response, a chunk at a time. */
#include <errno.h>
#include <limits.h>

#include "date.h"
#include "file.h"
#include "path.h"
#include "response.h"
#include "type.h"

int response_refuse(struct connection *c, const struct request *request, int status)
{
    struct reply reply = {
        .status = status, .keep_alive = request->keep_alive, .head = request->head};

    return connection_send(c, c->out, reply_format(c->out, &reply));
}

/* The path has no slash at its end, but is a folder: relative links in it would lead astray. */
static int redirect(struct connection *c, const struct request *request)
{
    struct reply reply = {
        .status = 301, .keep_alive = request->keep_alive, .head = request->head};
    struct text rest = request->path;

    while (rest.size > 0)
        reply.location = text_until(&rest, '/');
    return connection_send(c, c->out, reply_format(c->out, &reply));
}

static int status_of(int error)
{
    switch (error) {
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
    case -ELOOP: /* links, and */
    case -EXDEV: /* links out of the root */
    case -ENXIO: /* a socket */
        return 404;
    case -EACCES:
    case -EPERM:
        return 403;
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
    case -EAGAIN:
        return 503;
    default:
        return 500;
    }
}

static bool is_unchanged(const struct request *request, const struct file *file)
{
    time_t since;

    return !request->if_none_match.at && request->if_modified_since.at &&
           date_parse(&since, request->if_modified_since) && file->modified <= since;
}

/* A range of an older version of the file would be put together with ours. */
static bool wants_range(const struct request *request, const struct file *file)
{
    time_t version;

    return !request->head && request->range.at &&
           (!request->if_range.at ||
            (date_parse(&version, request->if_range) && version == file->modified));
}

static void decide(struct reply *reply, const struct request *request, const struct file *file)
{
    reply->status = 200;
    reply->total = file->size;
    reply->modified = file->modified;
    reply->range = (struct range){0, file->size};
    if (is_unchanged(request, file))
        reply->status = 304;
    else if (wants_range(request, file))
        reply->status = range_parse(&reply->range, request->range, file->size);
    if (reply->status == 416)
        reply->type = NULL;
}

/*
 * Sends what stands ready, and then the rest of the range. A file that has become shorter cannot
 * be sent as promised.
 */
static int send_range(struct connection *c, const struct file *file, struct range left,
                      const char *bytes, size_t size)
{
    char *chunk = c->out + REPLY_MAX;

    for (;;) {
        int error = connection_send(c, bytes, size);
        ssize_t n;

        if (error != 0 || left.count == 0)
            return error;
        n = file_read(file, chunk, left.count < CHUNK ? left.count : CHUNK, left.first);
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        bytes = chunk;
        size = (size_t)n;
        left.first += (uint64_t)n;
        left.count -= (uint64_t)n;
    }
}

/* The head goes right before what has been read of the file, so that one write sends both. */
static int send_reply(struct connection *c, const struct reply *reply, const struct file *file)
{
    bool body = !reply->head && (reply->status == 200 || reply->status == 206);
    struct range left = body ? reply->range : (struct range){0, 0};
    size_t ready = left.count < file->ready ? (size_t)left.count : file->ready, size;
    char head[REPLY_MAX];

    size = reply_format(head, reply);
    memcpy(c->out + REPLY_MAX - size, head, size);
    left.first += ready;
    left.count -= ready;
    return send_range(c, file, left, c->out + REPLY_MAX - size, size + ready);
}

int response_send(struct connection *c, const struct request *request)
{
    size_t ahead = request->head || request->range.at ? 0 : CHUNK;
    char path[PATH_MAX + sizeof FILE_INDEX];
    int error, status = path_decode(path, PATH_MAX, request->path);
    struct reply reply = {.keep_alive = request->keep_alive, .head = request->head};
    struct file file = {0};

    if (status != 0)
        return response_refuse(c, request, status);
    error = file_find(&file, c->server->root, path, c->out + REPLY_MAX, ahead);
    if (error == -EISDIR)
        return redirect(c, request);
    if (error != 0)
        return response_refuse(c, request, status_of(error));
    reply.type = type_of(path);
    decide(&reply, request, &file);
    error = send_reply(c, &reply, &file);
    file_close(&file);
    return error;
}
