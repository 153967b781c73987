/* Opening files below a folder, both ways: in one call, and step by step. */
#define _GNU_SOURCE /* O_PATH */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"

typedef int open_fn(int root, const char *path, int flags);

static char top[] = "/tmp/beneath-XXXXXX"; /* each test gets its own */
static int top_fd, root;

static void make_file(const char *path)
{
    int fd = openat(top_fd, path, O_WRONLY | O_CREAT, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, path, 1), 1);
    close(fd);
}

static void make_link(const char *target, const char *path)
{
    ck_assert_int_eq(symlinkat(target, top_fd, path), 0);
}

static void make_folder(const char *path)
{
    ck_assert_int_eq(mkdirat(top_fd, path, 0700), 0);
}

static void setup(void)
{
    char absolute[64];

    memcpy(top + sizeof top - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(top));
    top_fd = open(top, O_RDONLY | O_DIRECTORY);
    make_file("secret");
    make_folder("root");
    make_folder("root/a");
    make_folder("root/a/b");
    make_file("root/file");
    make_file("root/a/b/file");
    make_link("../secret", "root/out");
    make_link("../../secret", "root/a/out");
    make_link("..", "root/up");
    make_link("/etc/passwd", "root/absolute");
    make_link("/", "root/a/top");
    make_link("/proc/self/root", "root/magic");
    make_link("loop", "root/loop");
    make_link("a/b/file", "root/inside");
    make_link("../a/b", "root/a/back");
    snprintf(absolute, sizeof absolute, "%s/root/file", top);
    make_link(absolute, "root/self");
    root = openat(top_fd, "root", O_PATH | O_DIRECTORY);
    ck_assert_int_ge(root, 0);
}

static void teardown(void)
{
    static const char *const names[] = {
        "root/self",     "root/a/back",   "root/inside", "root/loop", "root/magic",
        "root/a/top",    "root/up",       "root/a/out",  "root/out",  "root/file",
        "root/a/b/file", "root/absolute", "secret"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_int_eq(unlinkat(top_fd, names[i], 0), 0);
    unlinkat(top_fd, "root/a/b", AT_REMOVEDIR);
    unlinkat(top_fd, "root/a", AT_REMOVEDIR);
    unlinkat(top_fd, "root", AT_REMOVEDIR);
    rmdir(top);
    close(root);
    close(top_fd);
}

/* It is what has that name in root. */
static void opens(open_fn *open_it, const char *path, const char *name)
{
    struct stat info, expected;
    int fd = open_it(root, path, O_RDONLY | O_CLOEXEC);

    ck_assert_msg(fd >= 0, "%s: %d", path, fd);
    ck_assert_int_eq(fstat(fd, &info), 0);
    ck_assert_int_eq(fstatat(root, name, &expected, 0), 0);
    ck_assert_uint_eq(info.st_ino, expected.st_ino);
    close(fd);
}

static void check_plain(open_fn *open_it)
{
    opens(open_it, "file", "file");
    opens(open_it, "a/b/file", "a/b/file");
    opens(open_it, "a//b//file", "a/b/file");
    opens(open_it, "", ".");
    opens(open_it, "a", "a");
    opens(open_it, "a/", "a");
    opens(open_it, "a/b/", "a/b");
    ck_assert_int_eq(open_it(root, "none", O_RDONLY), -ENOENT);
    ck_assert_int_eq(open_it(root, "none/file", O_RDONLY), -ENOENT);
    ck_assert_int_eq(open_it(root, "file/", O_RDONLY), -ENOTDIR);
    ck_assert_int_eq(open_it(root, "file/x", O_RDONLY), -ENOTDIR);
}

/* And leaves no descriptor behind when it fails. */
static void check_escapes(open_fn *open_it)
{
    static const char *const paths[] = {
        "out",       "a/out",          "up",    "up/secret",           "up/root/file", "absolute",
        "a/top",     "a/top/etc",      "magic", "magic/etc",           "loop",         "loop/x",
        "../secret", "a/../../secret", "..",    "a/b/../../../secret", "self",
    };
    int before = dup(0), after;

    close(before);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        int fd = open_it(root, paths[i], O_RDONLY | O_CLOEXEC);

        ck_assert_msg(fd == -EXDEV || fd == -ELOOP || fd == -ENOTDIR, "%s: %d", paths[i], fd);
    }
    after = dup(0);
    close(after);
    ck_assert_int_eq(after, before);
}

START_TEST(files_and_folders_open)
{
    check_plain(open_beneath);
    check_plain(open_beneath_by_steps);
}
END_TEST

START_TEST(nothing_leads_out)
{
    check_escapes(open_beneath);
    check_escapes(open_beneath_by_steps);
}
END_TEST

START_TEST(links_inside_are_followed_in_one_call_only)
{
    if (syscall(437, -1, "", NULL, 0) < 0 && errno == ENOSYS)
        return; /* no openat2 here */
    opens(open_beneath, "inside", "a/b/file");
    opens(open_beneath, "a/back/file", "a/b/file");
    ck_assert_int_eq(open_beneath_by_steps(root, "inside", O_RDONLY), -ELOOP);
    ck_assert_int_eq(open_beneath_by_steps(root, "a/back/file", O_RDONLY), -ENOTDIR);
}
END_TEST

START_TEST(steps_have_the_length_of_names)
{
    char path[400];

    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    ck_assert_int_eq(open_beneath(root, path, O_RDONLY), -ENAMETOOLONG);
    ck_assert_int_eq(open_beneath_by_steps(root, path, O_RDONLY), -ENAMETOOLONG);
    path[255] = '\0';
    ck_assert_int_eq(open_beneath_by_steps(root, path, O_RDONLY), -ENOENT);
}
END_TEST

TEST_MAIN_WITH(setup, teardown, "beneath", files_and_folders_open, nothing_leads_out,
               links_inside_are_followed_in_one_call_only, steps_have_the_length_of_names)
