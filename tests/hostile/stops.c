/*
 * stops PROGRAM [ARGUMENT...]: runs it in a session of its own, all of which is stopped and
 * continued, at irregular times, some ten times a second.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t session;

/* Field 6 of /proc/PID/stat; the second one may hold anything. */
static pid_t session_of(long pid)
{
    char path[64], text[512] = {0};
    const char *after = text;
    int found = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    file = fopen(path, "re");
    if (!file)
        return 0;
    if (fread(text, 1, sizeof text - 1, file) > 0)
        for (const char *c = text; *c; c++)
            after = *c == ')' ? c + 1 : after;
    fclose(file);
    return sscanf(after, " %*c %*d %*d %d", &found) == 1 ? found : 0;
}

static void signal_all(int number)
{
    DIR *dir = opendir("/proc");
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid > 0 && session_of(pid) == session)
            kill((pid_t)pid, number);
    }
    if (dir)
        closedir(dir);
}

static void pause_for(long milliseconds)
{
    struct timespec time = {0, milliseconds * 1000000};

    nanosleep(&time, NULL);
}

static void end(int number)
{
    signal_all(SIGKILL);
    _exit(128 + number);
}

int main(int argc, char **argv)
{
    int status;

    if (argc < 2)
        return 1;
    session = fork();
    if (session == 0) {
        setsid();
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(1);
    }
    signal(SIGTERM, end);
    srand((unsigned)session);
    while (waitpid(session, &status, WNOHANG) == 0) {
        pause_for(20 + rand() % 80);
        signal_all(SIGSTOP);
        pause_for(1 + rand() % 40);
        signal_all(SIGCONT);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
