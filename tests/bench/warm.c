#define _GNU_SOURCE /* MADV_HUGEPAGE */
/*
 * Takes so many MiB of memory, touches them all, and gives them back: warm MIB.
 *
 * A virtual machine may have given memory that is free back to its host (the balloon's free page
 * reporting). Who gets it next then pays for that, too: 6 to 8 us a page instead of 1.7.
 */
#include <stdlib.h>
#include <sys/mman.h>

int main(int argc, char **argv)
{
    size_t size = argc == 2 ? strtoul(argv[1], NULL, 10) << 20 : 0;
    char *start = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (start == MAP_FAILED)
        return EXIT_FAILURE;
    madvise(start, size, MADV_HUGEPAGE);
    for (size_t at = 0; at < size; at += 4096)
        start[at] = 1;
    return EXIT_SUCCESS;
}
