/* What the benchmarks of this library are made of. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <trale.h>

#include "measure.h"

#endif
