/*
 * A program that defines trale_main instead of main is run as one task on its first thread
 * (trale_run): include this in one of its files.
 *
 *     #include <trale/main.h>
 *
 *     int trale_main(int argc, char **argv)
 *     {
 *         return trale_sleep(TRALE_SEC);
 *     }
 *
 * What it returns is the exit status. If the runtime cannot be made, that is said on standard error,
 * and the status is 125. <trale.h> does not include this.
 */
#ifndef TRALE_MAIN_H
#define TRALE_MAIN_H

#include <stdio.h>
#include <string.h>

#include <trale.h>

TRALE_BEGIN

int trale_main(int argc, char **argv);

struct trale_main_arguments_ {
    int argc;
    char **argv;
};

static intptr_t trale_main_(void *arg)
{
    struct trale_main_arguments_ *arguments = (struct trale_main_arguments_ *)arg;

    return trale_main(arguments->argc, arguments->argv);
}

int main(int argc, char **argv)
{
    struct trale_main_arguments_ arguments = {argc, argv};
    intptr_t status;
    int error = trale_run(trale_main_, &arguments, &status);

    if (error == 0)
        return (int)status;
    fprintf(stderr, "trale: %s\n", strerror(-error));
    return 125;
}

TRALE_END

#endif
