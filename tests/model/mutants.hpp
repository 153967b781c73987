/* Mutants that no scenario can tell from the original, each with the reason why that is right. */
#ifndef MODEL_MUTANTS_HPP
#define MODEL_MUTANTS_HPP

#include <cstring>
#include <string>

namespace model
{

struct harmless {
    const char *function, *what, *reason;
};

static const harmless harmless_mutants[] = {
    {"state_join_disarm", "compare_exchange acquire -> relaxed",
     "success needs no order; C11 before C17 wants it no weaker than failure"},
    {"claim_close", "compare_exchange acquire -> relaxed",
     "success finds what the same thread has left there; C11 before C17 wants it no weaker than "
     "failure"},
    {"baton_hand_over", "compare_exchange seq_cst -> relaxed",
     "it is failure that must see the other side; success continues what baton_return released, "
     "and C11 before C17 wants it no weaker than failure"},
};

inline const harmless *find_harmless(const char *function, const std::string &what)
{
    for (const harmless &h : harmless_mutants)
        if (strcmp(h.function, function) == 0 && what == h.what)
            return &h;
    return nullptr;
}

} // namespace model

#endif
