/* Included before the file of src/sync that is the model: its steps, to be mutated. */
#include "wait_list.hpp"

#define wait_list_join(l, w, waker) STEP(wait_list_join(l, w, waker))
#define wait_list_leave(w) STEP(wait_list_leave(w))
#define wait_list_grant(w, batch) STEP(wait_list_grant(w, batch))
#define wake_batch_deliver(batch) STEP(wake_batch_deliver(batch))
#define wait_list_unlock(l, value) \
    do { \
        int32_t value_ = (value), old_ = model::unchanged(l); \
        wait_list_unlock(l, value_ == old_ || STEP_TAKEN ? value_ : old_); \
    } while (0)
