/* src/task/select.c as it is; its scenarios are in channel.cpp. */
#include "channel.hpp"

#include <climits>

#define spin_relax() futex_wait(w, CLAIM_TAKING, -1)
#include "task/claim.h"
#undef spin_relax
#define claim_finish(w) ((claim_finish)(w), futex_wake(w))
#define misuse(function, sentence) abort()
#define BASE_MISUSE_H
#include "task/select.c"
