/* Dates. The names of days and months are the C locale's, which a program starts with. */
#define _GNU_SOURCE /* strptime, timegm */
#include "date.h"

void date_format(char text[DATE_TEXT], time_t time)
{
    struct tm tm;

    text[0] = '\0';
    if (gmtime_r(&time, &tm) && tm.tm_year < 10000 - 1900 && tm.tm_year >= -1900)
        strftime(text, DATE_TEXT, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

bool date_parse(time_t *time, struct text text)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    char copy[DATE_TEXT];

    if (text.size >= sizeof copy)
        return false;
    memcpy(copy, text.at, text.size);
    copy[text.size] = '\0';
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {0};
        const char *end = strptime(copy, forms[i], &tm);

        if (end && end == copy + text.size) {
            *time = timegm(&tm);
            return true;
        }
    }
    return false;
}
