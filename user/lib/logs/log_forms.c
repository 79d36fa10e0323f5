// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/logs/log_forms.h"

#include <stddef.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char peek(const struct log_cursor *c)
{
	return c->p < c->end ? *c->p : '\0';
}

static bool skip(struct log_cursor *c, const char *any)
{
	if (c->p == c->end || !*c->p || !strchr(any, *c->p))
		return false;
	c->p++;
	return true;
}

/* Exactly `n` digits; what they say lies between `least` and `most`. */
static bool digits(struct log_cursor *c, int n, int least, int most, int *ret)
{
	int value = 0;

	if (c->end - c->p < n)
		return false;
	for (int i = 0; i < n; i++) {
		if (!is_digit(c->p[i]))
			return false;
		value = 10 * value + c->p[i] - '0';
	}
	c->p += n;
	*ret = value;
	return value >= least && value <= most;
}

/* A day of one or two digits, or one and a blank before. */
static bool day(struct log_cursor *c, int *ret)
{
	skip(c, " ");
	return digits(c, c->end - c->p > 1 && is_digit(c->p[1]) ? 2 : 1, 1, 31, ret);
}

static bool month_name(struct log_cursor *c, int *ret)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	if (c->end - c->p < 4)
		return false;
	for (int i = 0; i < 12; i++)
		if (!memcmp(c->p, names + 3 * i, 3)) {
			c->p += 3;
			*ret = i + 1;
			return true;
		}
	return false;
}

static void fraction(struct log_cursor *c, int64_t *ret_ns)
{
	int64_t unit = 100000000;

	if (c->end - c->p < 2 || (*c->p != '.' && *c->p != ',') || !is_digit(c->p[1]))
		return;
	for (c->p++; is_digit(peek(c)); c->p++, unit /= 10)
		*ret_ns += unit * (*c->p - '0');
}

static bool clock_time(struct log_cursor *c, struct log_stamp *s)
{
	if (!digits(c, 2, 0, 23, &s->hour) || !skip(c, ":") || !digits(c, 2, 0, 59, &s->minute) ||
	    !skip(c, ":") || !digits(c, 2, 0, 60, &s->second) || is_digit(peek(c)))
		return false;
	fraction(c, &s->ns);
	return true;
}

static bool word(struct log_cursor *c, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, text, n))
		return false;
	c->p += n;
	/* UTC, and not UTCfoo */
	return !((peek(c) | 32) >= 'a' && (peek(c) | 32) <= 'z');
}

/* Z, UTC, GMT, +01:00, +0100; without a blank before it also +01. */
static void zone(struct log_cursor *c, struct log_stamp *s)
{
	struct log_cursor z = *c;
	bool blank = skip(&z, " ");
	struct log_cursor name = z;
	int sign = peek(&z) == '-' ? -1 : 1, hours, minutes = 0;

	if (word(&name, "Z") || (name = z, word(&name, "UTC")) || (name = z, word(&name, "GMT"))) {
		s->has_zone = true;
		*c = name;
		return;
	}
	if (!skip(&z, "+-") || !digits(&z, 2, 0, 14, &hours))
		return;
	bool colon = skip(&z, ":");

	if (is_digit(peek(&z)) ? !digits(&z, 2, 0, 59, &minutes) : colon || blank)
		return;
	if (is_digit(peek(&z)))
		return;
	s->has_zone = true;
	s->zone_s = sign * (hours * 3600 + minutes * 60);
	*c = z;
}

/* 2026-11-25T17:21:00.123Z; also with slashes, dots, a blank, a colon or an underscore. */
static bool iso(struct log_cursor *c, struct log_stamp *s)
{
	if (!digits(c, 4, 1970, 2200, &s->year) || !skip(c, "-/.") ||
	    !digits(c, 2, 1, 12, &s->month) || !skip(c, "-/.") || !digits(c, 2, 1, 31, &s->day) ||
	    !skip(c, "T t_:") || !clock_time(c, s))
		return false;
	zone(c, s);
	return true;
}

/* 25/Nov/2026:17:21:00 +0000, 25 Nov 2026 17:21:00.123, 25-Nov-2026 17:21:00.123 */
static bool day_first(struct log_cursor *c, struct log_stamp *s)
{
	if (!is_digit(peek(c)) || !day(c, &s->day) || !skip(c, "/ -") ||
	    !month_name(c, &s->month) || !skip(c, "/ -") ||
	    !digits(c, 4, 1970, 2200, &s->year) || !skip(c, ": ") || !clock_time(c, s))
		return false;
	zone(c, s);
	return true;
}

/* Nov 25 17:21:00, and with a year behind it (ctime, Apache's error log) or before the time. */
static bool month_first(struct log_cursor *c, struct log_stamp *s)
{
	struct log_cursor year;
	int value;

	if (!month_name(c, &s->month) || !skip(c, " ") || !day(c, &s->day) || !skip(c, " "))
		return false;
	year = *c;
	if (digits(&year, 4, 1970, 2200, &value) && skip(&year, " ")) {
		s->year = value;
		*c = year;
	}
	if (!clock_time(c, s))
		return false;
	zone(c, s);
	year = *c;
	if (!s->year && skip(&year, " ") && digits(&year, 4, 1970, 2200, &value) &&
	    !is_digit(peek(&year)) && peek(&year) != '-' && peek(&year) != '.')
		s->year = value;
	return true;
}

/* I1125 17:21:00.123456 */
static bool klog(struct log_cursor *c, struct log_stamp *s)
{
	return skip(c, "IWEFD") && digits(c, 2, 1, 12, &s->month) && digits(c, 2, 1, 31, &s->day) &&
	       skip(c, " ") && clock_time(c, s);
}

/* Seconds, or as many digits more as make ms, us or ns. */
static bool epoch(struct log_cursor *c, struct log_stamp *s)
{
	uint64_t value = 0, scale = 1; /* 19 digits fit */
	int n = 0;

	for (; is_digit(peek(c)) && n < 19; c->p++, n++)
		value = 10 * value + (*c->p - '0');
	if ((n != 10 && n != 13 && n != 16 && n != 19) || is_digit(peek(c)))
		return false;
	for (int i = 10; i < n; i++)
		scale *= 10;
	s->is_epoch = true;
	s->epoch_s = (int64_t)(value / scale);
	s->ns = (int64_t)(value % scale * (1000000000 / scale));
	int64_t part = 0;

	fraction(c, &part);
	s->ns += part / (int64_t)scale;
	/* Not an address, a version or another long number; and not from before there were logs. */
	return !strchr("-:/xX_", peek(c) ? peek(c) : ' ') && s->epoch_s >= 1000000000;
}

static bool time_only(struct log_cursor *c, struct log_stamp *s)
{
	if (!clock_time(c, s))
		return false;
	zone(c, s);
	return true;
}

static const struct {
	bool (*read)(struct log_cursor *c, struct log_stamp *s);
	unsigned where;
} forms[] = {
	{iso, 0},  {day_first, 0},	 {month_first, 0},
	{klog, LOG_AT_BEGIN}, {epoch, LOG_AT_BEGIN}, {time_only, LOG_AT_BEGIN},
};

bool log_form_read(struct log_cursor *c, unsigned where, struct log_stamp *ret)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		struct log_cursor try = *c;
		struct log_stamp s = {0};

		if ((forms[i].where & where) != forms[i].where || !forms[i].read(&try, &s))
			continue;
		*c = try;
		*ret = s;
		return true;
	}
	return false;
}
