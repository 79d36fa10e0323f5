// SPDX-License-Identifier: BSD-2-Clause
/* From the fields of a time to ns, and where in a line one may be; log_forms.c has the forms. */
#include "user/lib/logs/log_time.h"

#include <string.h>

#include "user/lib/logs/log_forms.h"

#define SECOND_NS 1000000000LL
#define DAY_S 86400LL
#define REACH 64	  /* where a time begins at the latest */
#define REACH_BRACKET 256 /* after a bracket: an access log begins with addresses and users */
#define JSON_DEPTH 2	  /* {"t":{"$date":"…"}} */

static bool leap(int64_t y)
{
	return (y % 4 == 0 && y % 100) || y % 400 == 0;
}

static int month_days(int64_t year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && leap(year));
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t days = 365 * (year - 1970) + (year - 1969) / 4 - (year - 1901) / 100 +
		       (year - 1601) / 400;

	for (int m = 1; m < month; m++)
		days += month_days(year, m);
	return days + day - 1;
}

static int64_t year_of(int64_t epoch_s)
{
	int64_t year = 1970 + epoch_s / DAY_S / 366;

	while (days_of(year + 1, 1, 1) * DAY_S <= epoch_s)
		year++;
	return year;
}

/* UTC of a local time. Of an hour that comes twice the first that isn't before the line before. */
static int64_t utc_of(const struct log_clock *clock, int64_t local_s)
{
	const struct log_zone *z = &clock->zone;
	size_t n = z->n < LOG_ZONE_PARTS ? z->n : LOG_ZONE_PARTS;
	int64_t found_s = 0, last_s = clock->last_ns / SECOND_NS;
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		int64_t t = local_s - z->part[i].offset_s;

		if ((i && t < z->part[i].from_s) || (i + 1 < n && t >= z->part[i + 1].from_s))
			continue;
		if (found && (clock->last_ns ? found_s >= last_s - 1 : t > clock->now_ns / SECOND_NS))
			continue;
		found = true;
		found_s = t;
	}
	if (found || !n)
		return found ? found_s : local_s;
	/* An hour that was left out: as if the clock had not been changed yet. */
	for (size_t i = 0; i + 1 < n; i++)
		if (local_s - z->part[i].offset_s >= z->part[i + 1].from_s)
			found_s = local_s - z->part[i].offset_s;
	return found_s ? found_s : local_s - z->part[0].offset_s;
}

/* Logs tell of the past: what lies ahead is four times as far. */
static int64_t distance(int64_t t, int64_t now_s)
{
	return t > now_s ? 4 * (t - now_s) : now_s - t;
}

/* With the year and the day given: seconds since the epoch. */
static int64_t seconds_of(const struct log_stamp *s, const struct log_clock *clock, int64_t days)
{
	int64_t local_s = days * DAY_S + s->hour * 3600 + s->minute * 60 + s->second;

	return s->has_zone ? local_s - s->zone_s : utc_of(clock, local_s);
}

/* Year and day, where they are left out, are those that come nearest to now. */
static bool resolve(const struct log_stamp *s, const struct log_clock *clock, int64_t *ret_ns)
{
	int64_t now_s = clock->now_ns / SECOND_NS, best = 0, year = year_of(now_s);
	bool found = s->is_epoch;

	if (s->is_epoch) {
		best = s->epoch_s;
	} else if (s->year) {
		found = s->day <= month_days(s->year, s->month);
		best = found ? seconds_of(s, clock, days_of(s->year, s->month, s->day)) : 0;
	}
	for (int64_t step = -1; step <= 1 && !s->is_epoch && !s->year; step++) {
		if (s->day && s->day > month_days(year + step, s->month))
			continue;
		int64_t days = s->day ? days_of(year + step, s->month, s->day) : now_s / DAY_S + step;
		int64_t t = seconds_of(s, clock, days);

		if (found && distance(t, now_s) >= distance(best, now_s))
			continue;
		found = true;
		best = t;
	}
	if (!found || best < 0 || best > now_s + DAY_S)
		return false;
	*ret_ns = best * SECOND_NS + s->ns;
	return true;
}

static bool at(struct log_cursor c, unsigned where, const struct log_clock *clock, int64_t *ret_ns)
{
	struct log_stamp s = {0};

	return log_form_read(&c, where, &s) && resolve(&s, clock, ret_ns);
}

/* --- JSON: the value of a key that stands for the time */
static bool is_time_key(const char *key, size_t len, int depth)
{
	static const char *const keys[] = {
		"ts",	     "time",	 "timestamp", "@timestamp", "date",	 "datetime",
		"eventTime", "asctime",	 "Timestamp", "Time",	    "@t",	 "t",
	};

	for (size_t i = 0; depth == 1 && i < sizeof(keys) / sizeof(*keys); i++)
		if (strlen(keys[i]) == len && !memcmp(keys[i], key, len))
			return true;
	return len == 5 && !memcmp(key, "$date", 5);
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

/* Behind the quote that ends the string that begins at `p`. */
static const char *string_end(const char *p, const char *end)
{
	for (; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : end;
}

static bool json_find(const char *p, const char *end, const struct log_clock *clock,
		      int64_t *ret_ns)
{
	int depth = 0;

	while (p < end) {
		char c = *p++;

		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		if (c != '"')
			continue;
		const char *key = p;

		p = string_end(p, end);
		if (depth > JSON_DEPTH || p == end || !is_time_key(key, p - 1 - key, depth))
			continue;
		const char *value = skip_blanks(p, end);

		if (value == end || *value != ':')
			continue;
		value = skip_blanks(value + 1, end);
		if (value < end && *value == '"')
			value++;
		if (at((struct log_cursor){value, end}, LOG_AT_BEGIN, clock, ret_ns))
			return true;
	}
	return false;
}

/* What may stand before a time: not the middle of a word, a number, a path or a version. */
static bool may_begin(const char *line, size_t i)
{
	unsigned char before = i ? line[i - 1] : ' ';

	return before < 0x80 && !(before >= '0' && before <= '9') &&
	       !((before | 32) >= 'a' && (before | 32) <= 'z') && !strchr("-./:_+\\", before);
}

bool log_time_find(const char *line, size_t len, const struct log_clock *clock, int64_t *ret_ns)
{
	const char *end = line + len, *p = skip_blanks(line, end);
	bool begin = true;

	if (p < end && *p == '{')
		return json_find(p, end, clock, ret_ns);
	for (; p < end && p - line < REACH_BRACKET; p++) {
		size_t i = p - line;

		if (may_begin(line, i) && (i <= REACH || line[i - 1] == '[') &&
		    at((struct log_cursor){p, end}, begin ? LOG_AT_BEGIN : 0, clock, ret_ns))
			return true;
		begin &= *p == '[' || *p == '(' || *p == ' ';
	}
	return false;
}
