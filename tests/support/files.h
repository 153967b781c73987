/* Files for tests. */
#ifndef TESTS_FILES_H
#define TESTS_FILES_H

#include <trale.h>

/* A file of these bytes that has no name any more, at its beginning. */
trale_io *open_filled(const char *contents);

#endif
