/* Dates as HTTP writes them: "Sun, 06 Nov 1994 08:49:37 GMT". Pure. */
#ifndef WEB_SERVER_DATE_H
#define WEB_SERVER_DATE_H

#include <time.h>

#include "text.h"

#define DATE_TEXT 40 /* room for a date, with its final 0 */

/* A time that has no such text (after the year 9999) gives "". */
void date_format(char text[DATE_TEXT], time_t time);

/* Reads that form and the two older ones (RFC 9110, section 5.6.7). False: it is no date. */
bool date_parse(time_t *time, struct text text);

#endif
