/* Opening files below a folder, and nowhere else. Blocks. */
#ifndef WEB_SERVER_BENEATH_H
#define WEB_SERVER_BENEATH_H

/*
 * Opens the relative path ("" is the folder itself; no step is "..") with the flags of open(2),
 * and returns the descriptor or -errno. Links may lead from place to place below root; one that
 * leads out, or begins with a slash, is an error (-EXDEV).
 */
int open_beneath(int root, const char *path, int flags);

/* The same without openat2(2), step by step: it follows no link at all (-ELOOP, -ENOTDIR). */
int open_beneath_by_steps(int root, const char *path, int flags);

#endif
