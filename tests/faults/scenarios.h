/* What the sweeps live through: see sweep.h. */
#ifndef TESTS_FAULTS_SCENARIOS_H
#define TESTS_FAULTS_SCENARIOS_H

void own_runtime(void);     /* make a runtime, spawn into it, join, free it */
void default_runtime(void); /* spawn, sleep, join; a task with a child; a detached task */
void spawns(void);          /* with a copy, of a future, with a large stack */
void timers(void);          /* sleeps, ticks, a cancel, a free that times out */
void first_waits(void);     /* plain threads, each of which waits for the first time */
void datagrams(void);       /* two sockets, a task at each */
void pipes(void);           /* waiting for readiness, and for a close */
void opening(void);         /* a Unix and a TCP connection, from listening to the end */

/* Streams: every call from a task and from a plain thread, against each other. */
void pipe_streams(void);
void broken_pipes(void); /* nobody reads, and no SIGPIPE comes */
void tcp_streams(void);
void several_addresses(void); /* connecting to a name that has some */
void unix_streams(void);
void socket_pairs(void); /* taken over, not made */

#endif
