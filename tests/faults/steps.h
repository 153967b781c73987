/* Steps that scenarios have in common. */
#ifndef TESTS_FAULTS_STEPS_H
#define TESTS_FAULTS_STEPS_H

#include "sweep.h"

/* Joins the task, whose result must be this. */
void join_for(trale_task *task, intptr_t expected);

/* The io is gone, whatever closing it says. */
void close_io(trale_io *io);

/* fn(arg), which must give this, in a task; then on the calling thread. */
void both_ways(trale_fn *fn, void *arg, intptr_t expected);

/* "127.0.0.1:8080" */
void local_endpoint(trale_io *io, char text[TRALE_ADDR_TEXT]);

#endif
