/*
 * What the tests use of libcheck, for compilers whose C library has none: musl, a cross compiler.
 * The Makefile takes it where -lcheck cannot be linked; check.c says what is different.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef void (*TFun)(int index);
typedef void (*SFun)(void);
typedef struct Suite Suite;
typedef struct TCase TCase;
typedef struct SRunner SRunner;

typedef struct TTest {
    const char *name;
    TFun fn;
    const char *file;
    int line;
} TTest;

enum print_output { CK_NORMAL };

Suite *suite_create(const char *name);
void suite_add_tcase(Suite *suite, TCase *tcase);
TCase *tcase_create(const char *name);
void tcase_set_timeout(TCase *tcase, double seconds);
void tcase_add_checked_fixture(TCase *tcase, SFun setup, SFun teardown);
void tcase_add_test(TCase *tcase, const TTest *test);
void tcase_add_loop_test(TCase *tcase, const TTest *test, int start, int end);
SRunner *srunner_create(Suite *suite);
void srunner_run_all(SRunner *runner, enum print_output mode);
int srunner_ntests_failed(SRunner *runner);
void srunner_free(SRunner *runner);

void _mark_point(const char *file, int line);
_Noreturn void check_failed(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Both are one declaration, and a definition that the body follows. */
#define START_TEST(name) \
    static void name##_fn(int _i); \
    static const TTest name##_ttest = {#name, name##_fn, __FILE__, __LINE__}; \
    static const TTest *name = &name##_ttest; \
    static void name##_fn(int _i __attribute__((unused)))
#define END_TEST

#define ck_abort_msg(...) check_failed(__FILE__, __LINE__, __VA_ARGS__)
#define ck_abort() ck_abort_msg("ck_abort")
#define ck_assert_msg(condition, ...) \
    ((condition) ? _mark_point(__FILE__, __LINE__) : ck_abort_msg(__VA_ARGS__))
#define ck_assert(condition) ck_assert_msg(condition, "not so: %s", #condition)

#define CHECK_NUMBERS(type, format, a, op, b) \
    do { \
        type left_ = (a); \
        type right_ = (b); \
        ck_assert_msg(left_ op right_, \
                      "not so: %s %s %s: left is %" format ", right is %" format, #a, #op, #b, \
                      left_, right_); \
    } while (0)
#define ck_assert_int_eq(a, b) CHECK_NUMBERS(intmax_t, "jd", a, ==, b)
#define ck_assert_int_ne(a, b) CHECK_NUMBERS(intmax_t, "jd", a, !=, b)
#define ck_assert_int_lt(a, b) CHECK_NUMBERS(intmax_t, "jd", a, <, b)
#define ck_assert_int_le(a, b) CHECK_NUMBERS(intmax_t, "jd", a, <=, b)
#define ck_assert_int_gt(a, b) CHECK_NUMBERS(intmax_t, "jd", a, >, b)
#define ck_assert_int_ge(a, b) CHECK_NUMBERS(intmax_t, "jd", a, >=, b)
#define ck_assert_uint_eq(a, b) CHECK_NUMBERS(uintmax_t, "ju", a, ==, b)
#define ck_assert_uint_ne(a, b) CHECK_NUMBERS(uintmax_t, "ju", a, !=, b)
#define ck_assert_uint_lt(a, b) CHECK_NUMBERS(uintmax_t, "ju", a, <, b)
#define ck_assert_uint_le(a, b) CHECK_NUMBERS(uintmax_t, "ju", a, <=, b)
#define ck_assert_uint_gt(a, b) CHECK_NUMBERS(uintmax_t, "ju", a, >, b)
#define ck_assert_uint_ge(a, b) CHECK_NUMBERS(uintmax_t, "ju", a, >=, b)
#define ck_assert_ptr_eq(a, b) CHECK_NUMBERS(const void *, "p", a, ==, b)
#define ck_assert_ptr_ne(a, b) CHECK_NUMBERS(const void *, "p", a, !=, b)
#define ck_assert_ptr_null(a) ck_assert_ptr_eq(a, NULL)
#define ck_assert_ptr_nonnull(a) ck_assert_ptr_ne(a, NULL)
#define ck_assert_str_eq(a, b) \
    do { \
        const char *left_ = (a), *right_ = (b); \
        ck_assert_msg(left_ &&right_ &&strcmp(left_, right_) == 0, \
                      "not so: %s is %s: left is \"%s\", right is \"%s\"", #a, #b, \
                      left_ ? left_ : "(null)", right_ ? right_ : "(null)"); \
    } while (0)
#define ck_assert_mem_eq(a, b, size) \
    do { \
        const void *left_ = (a), *right_ = (b); \
        size_t size_ = (size); \
        ck_assert_msg(left_ &&right_ &&memcmp(left_, right_, size_) == 0, \
                      "not the same %zu bytes: %s and %s", size_, #a, #b); \
    } while (0)

#endif
