/* What the sweeps live through: see sweep.h. */
#ifndef TESTS_FAULTS_SCENARIOS_H
#define TESTS_FAULTS_SCENARIOS_H

void own_runtime(void);       /* make a runtime, spawn into it, join, free it */
void several_executors(void); /* the same with three executors */
void inline_runs(void);       /* a task on the calling thread */
void default_runtime(void);   /* spawn, sleep, join; a task with a child; a detached task */
void spawns(void);            /* with a copy, of a future, with a large stack */
void groups(void);            /* tasks that begin and end together */
void timers(void);            /* sleeps, ticks, a cancel, a free that times out */
void first_waits(void);       /* plain threads, each of which waits for the first time */
void datagrams(void);         /* two sockets, a task at each */
void pipes(void);             /* waiting for readiness, and for a close */
void opening(void);           /* a Unix and a TCP connection, from listening to the end */

/* Streams: every call from a task and from a plain thread, against each other. */
void pipe_streams(void);
void broken_pipes(void); /* nobody reads, and no SIGPIPE comes */
void tcp_streams(void);
void several_addresses(void); /* connecting to a name that has some */
void unix_streams(void);
void socket_pairs(void); /* taken over, not made */

void connected_datagrams(void);
void many_datagrams(void);

/* Files. */
void paths(void);         /* made, renamed, looked at, removed */
void file_offsets(void);  /* reading and writing anywhere */
void file_position(void); /* and from beginning to end, as a stream */
void file_futures(void);  /* awaited, and dropped */
void closed_files(void);  /* closed while a call has begun */
void cold_files(void);    /* of which only a part is in memory */

void waiting_for_each_other(void); /* with every object of sync.h */
void publishing(void);             /* broadcast, watch */
void locals(void);                 /* values of tasks and of threads */
void dumping(void);

/* The pool. */
void blocking(void);  /* work, from a thread and from a task */
void busy_pool(void); /* work that comes while a thread is held */
void given_up(void);  /* work that nobody waits for any more */
void names(void);     /* looked up for sockets of every kind */

#endif
