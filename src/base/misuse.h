/* What to do about programming errors: say what to do instead, and abort. */
#ifndef BASE_MISUSE_H
#define BASE_MISUSE_H

/* function is the public call that was misused; sentence says what to do instead. */
#define misuse(function, sentence) misuse_at(__FILE__, __LINE__, function, sentence)

_Noreturn void misuse_at(const char *file, int line, const char *function, const char *sentence);

#endif
