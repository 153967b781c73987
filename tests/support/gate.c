#include "gate.h"

void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->opened++;
    changed_tell(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

void gate_wait_for(struct gate *gate, long times)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->opened < times)
        changed_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

void gate_wait(struct gate *gate)
{
    gate_wait_for(gate, 1);
}

long gate_opened(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    long opened = gate->opened;
    pthread_mutex_unlock(&gate->lock);
    return opened;
}

intptr_t gate_open_in_task(void *gate)
{
    gate_open(gate);
    return 0;
}
