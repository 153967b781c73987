/*
 * A fuzz target is a file here, NAME.c, if need be with others, NAME_*.c, and its seed corpus in
 * NAME/, a file an input. It sees the library's internals, and may bring its own of a source file
 * that it replaces. With clang and libFuzzer, `make fuzz T=NAME` looks for inputs that break it; with any compiler, replay.c
 * makes an ordinary test of it that runs the corpus.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* One input. Aborts if something does not hold; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
