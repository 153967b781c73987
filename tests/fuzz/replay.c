/*
 * Runs a fuzz target on every file of a folder: the argument, or, for build/tests/fuzz/NAME, its
 * corpus tests/fuzz/NAME.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX 65536

/* The copy is of the exact size, so that an address sanitizer sees a read past the end. */
static void run(const char *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        abort();
    for (size_t i = 0; i < size; i++)
        copy[i] = (uint8_t)bytes[i];
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_file(const char *folder, const char *name)
{
    static char bytes[INPUT_MAX];
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    printf("%s\n", path);
    fflush(stdout); /* the last line names the input that breaks it */
    run(bytes, fread(bytes, 1, sizeof bytes, file));
    fclose(file);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : strstr(argv[0], "tests/fuzz/");
    DIR *inputs = folder ? opendir(folder) : NULL;
    const struct dirent *input;
    int count = 0;

    if (!inputs) {
        fprintf(stderr, "%s: no inputs in %s\n", argv[0], folder ? folder : "no folder");
        return EXIT_FAILURE;
    }
    while ((input = readdir(inputs)) != NULL) {
        if (input->d_name[0] == '.')
            continue;
        run_file(folder, input->d_name);
        count++;
    }
    closedir(inputs);
    printf("# %d inputs\n", count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
