/*
 * For scenarios of what stands on src/sync/wait_list.h: the header as it is, and every step that is
 * taken by its functions, which are in permits.cpp, as a mutant: left out, or with unlocking, that
 * the value changes or that somebody waits.
 */
#ifndef MODEL_WAIT_LIST_HPP
#define MODEL_WAIT_LIST_HPP

#include "sync.hpp"

#define word_unlock(word, value, waiters) (word_unlock)(word, value, STEP_TAKEN && (waiters))
#include "sync/wait_list.h"
#undef word_unlock

namespace model
{

/* The value as it is while the word is locked: what unlocking would leave if it changed nothing. */
inline int32_t unchanged(trale_wait_list *l)
{
    return word_value_of(l->word.cell.debug_value());
}

} // namespace model

#endif
