#include "base/misuse.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void misuse_at(const char *file, int line, const char *function, const char *sentence)
{
    fprintf(stderr, "trale: %s:%d: %s: %s\n", file, line, function, sentence);
    abort();
}
