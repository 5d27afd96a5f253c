/* SPDX-License-Identifier: MIT */
#include "wire/date.h"

#include <string.h>

#define DAY INT64_C(86400)
#define FIRST INT64_C(-62167219200) /* the beginning of year 0 */
#define LAST INT64_C(253402300799)  /* the end of year 9999 */

/* Days from 1 March of the year -400 to 1970-01-01. Years that begin in March have their leap day
 * at the end, and from -400 on nothing is negative. */
#define EPOCH 865565
#define DAYS_400 146097 /* days in 400 years */

struct date {
    int weekday; /* 0: Sunday */
    int year, month, day;
    int hour, minute, second;
};

static const char *const weekdays[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday" };

static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* ---- The calendar ------------------------------------------------------------------------- */

static int64_t date_days_of(int year, int month, int day)
{
    int y = year + 400 - (month <= 2);
    int m = (month + 9) % 12; /* 0: March */
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - EPOCH;
}

static int date_weekday_of(int64_t days)
{
    return (int) ((days + EPOCH + 3) % 7);
}

static int64_t date_seconds_of(const struct date *d)
{
    int in_day = d->hour * 3600 + d->minute * 60 + d->second;
    return date_days_of(d->year, d->month, d->day) * DAY + in_day;
}

static void date_split_days(int64_t days, struct date *d)
{
    int n = (int) (days + EPOCH);
    int rest = n % DAYS_400;
    int year = (rest - rest / 1460 + rest / 36524 - rest / (DAYS_400 - 1)) / 365;
    rest -= 365 * year + year / 4 - year / 100;
    int m = (5 * rest + 2) / 153;
    d->day = rest - (153 * m + 2) / 5 + 1;
    d->month = m < 10 ? m + 3 : m - 9;
    d->year = year + n / DAYS_400 * 400 - 400 + (d->month <= 2);
    d->weekday = date_weekday_of(days);
}

static bool date_exists(const struct date *d)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = d->year % 4 == 0 && (d->year % 100 != 0 || d->year % 400 == 0);
    int last = lengths[d->month - 1] + (leap && d->month == 2);
    return d->day >= 1 && d->day <= last && d->hour <= 23 && d->minute <= 59 &&
           d->second <= 60 && /* 60: a leap second */
           d->weekday == date_weekday_of(date_days_of(d->year, d->month, d->day));
}

/* ---- Printing ----------------------------------------------------------------------------- */

static char *date_put_text(char *p, const char *text, size_t n)
{
    memcpy(p, text, n);
    return p + n;
}

static char *date_put_two(char *p, int value)
{
    *p++ = (char) ('0' + value / 10);
    *p++ = (char) ('0' + value % 10);
    return p;
}

void nu_date_print(char out[NU_DATE_LEN + 1], int64_t unix_seconds)
{
    struct date d;
    int64_t t = unix_seconds < FIRST ? FIRST : unix_seconds > LAST ? LAST : unix_seconds;
    int rest = (int) ((t - FIRST) % DAY);
    date_split_days((t - rest) / DAY, &d);

    char *p = date_put_text(out, weekdays[d.weekday], 3);
    p = date_put_text(p, ", ", 2);
    p = date_put_two(p, d.day);
    *p++ = ' ';
    p = date_put_text(p, months[d.month - 1], 3);
    *p++ = ' ';
    p = date_put_two(p, d.year / 100);
    p = date_put_two(p, d.year % 100);
    *p++ = ' ';
    p = date_put_two(p, rest / 3600);
    *p++ = ':';
    p = date_put_two(p, rest / 60 % 60);
    *p++ = ':';
    p = date_put_two(p, rest % 60);
    date_put_text(p, " GMT", 5);
}

/* ---- Parsing ------------------------------------------------------------------------------ */

struct cursor {
    const char *p;
    const char *end;
};

static bool date_get_text(struct cursor *c, const char *text, size_t n)
{
    if ((size_t) (c->end - c->p) < n || memcmp(c->p, text, n) != 0) {
        return false;
    }
    c->p += n;
    return true;
}

static bool date_get_number(struct cursor *c, int digits, int *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++, c->p++) {
        if (c->p == c->end || *c->p < '0' || *c->p > '9') {
            return false;
        }
        *value = *value * 10 + (*c->p - '0');
    }
    return true;
}

static bool date_get_weekday(struct cursor *c, bool whole, int *weekday)
{
    for (int i = 0; i < 7; i++) {
        if (date_get_text(c, weekdays[i], whole ? strlen(weekdays[i]) : 3)) {
            *weekday = i;
            return true;
        }
    }
    return false;
}

static bool date_get_month(struct cursor *c, int *month)
{
    for (int i = 0; i < 12; i++) {
        if (date_get_text(c, months[i], 3)) {
            *month = i + 1;
            return true;
        }
    }
    return false;
}

/* One part, named as in strptime(). */
static bool date_get_part(struct cursor *c, char part, struct date *d)
{
    switch (part) {
    case 'a':
    case 'A':
        return date_get_weekday(c, part == 'A', &d->weekday);
    case 'b':
        return date_get_month(c, &d->month);
    case 'd':
        return date_get_number(c, 2, &d->day);
    case 'e':
        return date_get_number(c, date_get_text(c, " ", 1) ? 1 : 2, &d->day);
    case 'y':
        return date_get_number(c, 2, &d->year);
    case 'Y':
        return date_get_number(c, 4, &d->year);
    default:
        return date_get_number(c, 2, &d->hour) && date_get_text(c, ":", 1) &&
               date_get_number(c, 2, &d->minute) && date_get_text(c, ":", 1) &&
               date_get_number(c, 2, &d->second);
    }
}

static bool date_get_date(const char *p, size_t n, const char *form, struct date *d)
{
    struct cursor c = { p, p + n };
    for (; *form != '\0'; form++) {
        if (*form == '%' ? !date_get_part(&c, *++form, d) : !date_get_text(&c, form, 1)) {
            return false;
        }
    }
    return c.p == c.end;
}

/* What would be more than 50 years ahead was a hundred years earlier. */
static void date_find_century(struct date *d, int64_t now)
{
    struct date today;
    int64_t t = now < 0 ? 0 : now > LAST ? LAST : now;
    date_split_days(t / DAY, &today);
    d->year += today.year - today.year % 100;
    struct date earlier = *d;
    earlier.year -= 50;
    if (date_seconds_of(&earlier) > t) {
        d->year -= 100;
    }
}

bool nu_date_parse(const char *p, size_t n, int64_t now, int64_t *unix_seconds)
{
    struct date d;
    if (date_get_date(p, n, "%a, %d %b %Y %T GMT", &d) ||
        date_get_date(p, n, "%a %b %e %T %Y", &d)) {
        /* the year is there */
    } else if (date_get_date(p, n, "%A, %d-%b-%y %T GMT", &d)) {
        date_find_century(&d, now);
    } else {
        return false;
    }
    if (!date_exists(&d)) {
        return false;
    }
    *unix_seconds = date_seconds_of(&d);
    return true;
}
