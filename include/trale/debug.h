/*
 * What a program's tasks are doing: for people who look at one that does not do what it should.
 */
#ifndef TRALE_DEBUG_H
#define TRALE_DEBUG_H

#include <stdio.h>

#include <trale/base.h>

TRALE_BEGIN

/*
 * Writes a line about every task of every runtime that has not ended:
 *
 *     trale: runtime 0x563c41d9d2c0, 4 tasks
 *       0x7f0a3c7ffe80 'reader' (server.c:41), 12.35 s old: waiting: read fd 7
 *       0x7f0a3c7efe80 'writer' (server.c:42), 12.35 s old: waiting: mutex_lock 0x563c41d9e000,
 *           held by 0x7f0a3c7ffe80 'reader' (server.c:41)                        (in one line)
 *       0x7f0a3c7dfe80 (server.c:77), 0.08 s old: ready
 *       0x7f0a3c7cfe80 'hash' (server.c:80), 0.05 s old: running, for 0.031 s
 *
 * which is its handle, its name, where it was spawned (see task.h), its age, and what it does:
 * new (not begun), ready (to run, as soon as others have), running, or waiting and for what. Of a
 * wait that is not the library's, the name in its ops is told. "At most" beside a time: that long
 * ago the executor looked at the clock, and it has begun other polls since.
 *
 * It is a picture of one moment, in which every executor stands still between two polls, or goes
 * on with the poll that it is in, however long that takes: nothing here waits for it. It takes
 * a microsecond or two a task. The writing comes after. A task that another thread is spawning at
 * the moment may be missing.
 *
 * Any thread, and any task, may call it; a signal handler may not: see trale_dump_on_signal. In a
 * forked child there are no tasks to tell of but its own. out NULL does nothing.
 */
TRALE_API void trale_dump(FILE *out);

/*
 * From now on the signal, SIGUSR1 for example, makes a dump to stderr. The handler only writes to
 * an eventfd, which a thread of the library reads that makes the dump; so it comes a moment later,
 * works whatever the program's threads are doing, and signals that come meanwhile make one dump
 * together. The handler runs on a thread of the program that does not block the signal; system
 * calls that it interrupts are restarted (SA_RESTART). It replaces the handler that was there;
 * sigaction(2) takes it away again. Several signals may be chosen. A forked child inherits the
 * handler, but there it does nothing until the child calls this; a program that is executed
 * inherits nothing.
 *   -EINVAL: no such signal, it cannot be caught, or it is a fault (SIGSEGV, SIGABRT, ...).
 *   -EMFILE, -ENFILE, -ENOMEM, -EAGAIN: no descriptor, or no thread.
 */
TRALE_API int trale_dump_on_signal(int signo);

/*
 * Watches for polls that take longer than limit ns: such a task keeps every other of its executor
 * from running. Each is reported to stderr, once:
 *
 *     trale: 0x7f0a3c7cfe80 'hash' (server.c:80) has held up its executor for 0.127 s
 *
 * A thread of the library's own looks at the executors four times in the limit, and four times a
 * second at least; so a poll that is hardly longer than the limit may pass unseen, and the time
 * that is told is up to a quarter of the limit too short. A limit of 0 ends the watch; another one
 * replaces it. It is for every runtime, also those that are made later. It costs the executors
 * nothing. A forked child is not watched until it asks for it.
 *   -EINVAL: limit is negative.     -EAGAIN: no thread.
 */
TRALE_API int trale_stall_watch(int64_t limit);

TRALE_END

#endif
