/*
 * A server of files under wrk:
 *     http http_N SECONDS SERVER     N connections, one file of 4 KiB again and again
 * Runs "SERVER --port 0 FOLDER", which prints where it listens. cpu is what the server's process
 * used by request.
 */
#include <sys/stat.h>

#include "server.h"

#define SIZE 4096

static char folder[] = "/tmp/bench-XXXXXX";

static void make_file(void)
{
    char *content = array(SIZE, 1);
    char path[64];
    FILE *file;

    check(mkdtemp(folder) ? 0 : -errno, folder);
    snprintf(path, sizeof path, "%s/file.html", folder);
    file = fopen(path, "w");
    if (!file || fwrite(content, SIZE, 1, file) != 1 || fclose(file) != 0)
        check(-EIO, path);
    free(content);
}

static void remove_file(void)
{
    char path[64];

    snprintf(path, sizeof path, "%s/file.html", folder);
    unlink(path);
    rmdir(folder);
}

struct found {
    double rate, requests, p50, p99;
};

/* "1.23ms" in us. */
static double in_us(const char *text)
{
    char *unit;
    double value = strtod(text, &unit);

    return value * (strncmp(unit, "us", 2) == 0 ? 1 : strncmp(unit, "ms", 2) == 0 ? 1e3 : 1e6);
}

static void read_line(struct found *f, const char *line)
{
    char text[32];

    if (sscanf(line, " 50%% %31s", text) == 1)
        f->p50 = in_us(text);
    else if (sscanf(line, " 99%% %31s", text) == 1)
        f->p99 = in_us(text);
    else if (strstr(line, "Non-2xx") || strstr(line, "Socket errors"))
        fputs(line, stderr);
    else if (strstr(line, " requests in "))
        f->requests = strtod(line, NULL);
    else
        sscanf(line, "Requests/sec: %lf", &f->rate);
}

static struct found run_wrk(const struct server *s, const char *connections, const char *seconds)
{
    struct found f = {0};
    char line[256];
    FILE *wrk;

    snprintf(line, sizeof line, "exec wrk -t1 -c%s -d%ss --latency http://127.0.0.1:%d/file.html",
             connections, seconds, ntohs(s->at.sin_port));
    wrk = popen(line, "r");
    check(wrk ? 0 : -errno, "wrk");
    while (fgets(line, sizeof line, wrk))
        read_line(&f, line);
    if (pclose(wrk) != 0 || f.requests <= 0)
        check(-EIO, "wrk");
    return f;
}

int main(int argc, char **argv)
{
    char port[] = "--port", zero[] = "0";
    struct server server = {0};
    struct found found;
    int64_t cpu;

    if (argc < 4 || strncmp(argv[1], "http_", 5) != 0 || strtol(argv[1] + 5, NULL, 10) <= 0 ||
        strtol(argv[2], NULL, 10) <= 0) {
        fputs("usage: http http_N SECONDS SERVER...\n", stderr);
        return EXIT_FAILURE;
    }
    make_file();
    atexit(remove_file);
    start_server(&server, argv + 3, (char *[]){port, zero, folder, NULL});
    run_wrk(&server, argv[1] + 5, "1");
    cpu = server_cpu(&server);
    found = run_wrk(&server, argv[1] + 5, argv[2]);
    cpu = server_cpu(&server) - cpu;
    kill(server.pid, SIGKILL);
    printf("%s", argv[1]);
    report("rate", found.rate, "/s");
    report("cpu", (double)cpu / found.requests / 1000, "us");
    report("p50", found.p50, "us");
    report("p99", found.p99, "us");
    printf("\n");
    return EXIT_SUCCESS;
}
