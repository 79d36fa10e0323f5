// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/detect/series.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD 100   /* rows that are read first, to find the interval */
#define OFF_MIN 100 /* rows that may be off the interval in any case */
#define YEAR_MAX 9999

struct ahead {
	char *line;
	struct series_row row;
};

struct series {
	FILE *file;
	int stamp_column, value_column;
	uint32_t step_s;
	uint64_t line, rows, off;
	int64_t last_s;
	char *buffer;
	size_t capacity;
	struct ahead ahead[AHEAD];
	size_t n_ahead, next_ahead;
};

/* 1 and a line without its end in s->buffer, 0 at the end of the file, -errno. */
static int line_read(struct series *s)
{
	ssize_t n;

	do {
		errno = 0;
		n = getline(&s->buffer, &s->capacity, s->file);
		if (n < 0)
			return ferror(s->file) || errno ? -(errno ? errno : EIO) : 0;
		s->line++;
		while (n && (s->buffer[n - 1] == '\n' || s->buffer[n - 1] == '\r'))
			s->buffer[--n] = 0;
	} while (!n);
	if (strlen(s->buffer) != (size_t)n)
		return -EILSEQ; /* a NUL: not text */
	return 1;
}

/* The next column, cut out of the line; NULL after the last. */
static char *column_next(char **line)
{
	char *column = *line, *end;

	if (!column)
		return NULL;
	end = strchr(column, ',');
	*line = end ? end + 1 : NULL;
	if (end)
		*end = 0;
	while (*column == ' ')
		column++;
	return column;
}

static int header_parse(struct series *s, char *error, size_t size)
{
	char *line = s->buffer, *column;
	int i;

	if (!strncmp(line, "\xef\xbb\xbf", 3))
		line += 3;
	s->stamp_column = s->value_column = -1;
	for (i = 0; (column = column_next(&line)); i++) {
		if (!strcmp(column, "timestamp"))
			s->stamp_column = i;
		if (!strcmp(column, "value"))
			s->value_column = i;
	}
	if (s->stamp_column >= 0 && s->value_column >= 0)
		return 0;
	snprintf(error, size,
		 "line 1: no column `%s`; a header with `timestamp` and `value` is needed",
		 s->stamp_column < 0 ? "timestamp" : "value");
	return -EINVAL;
}

/* N digits at TEXT; -1 if there are other characters. */
static int digits(const char *text, int n)
{
	int value = 0, i;

	for (i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + text[i] - '0';
	}
	return value;
}

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar; years begin in March here.
 */
static int64_t date_days(int year, int month, int day)
{
	int y = year - (month <= 2), m = (month + 9) % 12;

	return 365LL * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int month_days(int year, int month)
{
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static int stamp_parse(const char *text, int64_t *ret_t_s)
{
	int year, month, day, hour, minute, second = 0;
	char *end;

	if (strlen(text) < 16) {
		long long t = strtoll(text, &end, 10);

		if (end == text || *end || llabs(t) > 1LL << 40)
			return -EINVAL;
		*ret_t_s = t;
		return 0;
	}
	year = digits(text, 4);
	month = digits(text + 5, 2);
	day = digits(text + 8, 2);
	hour = digits(text + 11, 2);
	minute = digits(text + 14, 2);
	if (text[4] != '-' || text[7] != '-' || (text[10] != ' ' && text[10] != 'T') ||
	    text[13] != ':')
		return -EINVAL;
	text += 16;
	if (*text == ':') {
		second = digits(text + 1, 2);
		text += 3;
		if (second >= 0 && *text == '.')
			text += 1 + strspn(text + 1, "0123456789");
	}
	if (second >= 0 && *text == 'Z')
		text++;
	if (year < 1 || year > YEAR_MAX || month < 1 || month > 12 || day < 1 ||
	    day > month_days(year, month) || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
	    second < 0 || second > 60 || *text)
		return -EINVAL;
	*ret_t_s = date_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return 0;
}

/* Plain decimals quickly; all else is strtod()'s. */
static int value_parse(const char *text, float *ret_value)
{
	static const double power[] = {1,    1e1,  1e2,	 1e3,  1e4,  1e5,  1e6,	 1e7,  1e8, 1e9,
				       1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
	const char *p = text + (*text == '-');
	uint64_t mantissa = 0;
	int n = 0, after = 0;
	double value;
	char *end;

	for (; n < 18 && ((*p >= '0' && *p <= '9') || (*p == '.' && !after)); p++) {
		if (*p == '.') {
			after = n + 1;
			continue;
		}
		mantissa = mantissa * 10 + *p - '0';
		n++;
	}
	if (n && !*p) {
		value = mantissa / power[after ? n - after + 1 : 0];
		*ret_value = *text == '-' ? -value : value;
		return 0;
	}
	value = strtod(text, &end);
	while (*end == ' ')
		end++;
	if (end == text || *end || !(fabs(value) <= 1e30))
		return -EINVAL;
	*ret_value = value;
	return 0;
}

/* Cuts s->buffer into the row. */
static int row_parse(struct series *s, struct series_row *row, char *error, size_t size)
{
	char *line = s->buffer, *column;
	int i;

	row->stamp = row->text = NULL;
	for (i = 0; (column = column_next(&line)); i++) {
		if (i == s->stamp_column)
			row->stamp = column;
		if (i == s->value_column)
			row->text = column;
	}
	if (!row->stamp || !row->text) {
		snprintf(error, size, "line %llu: no column `%s`", (unsigned long long)s->line,
			 row->stamp ? "value" : "timestamp");
		return -EINVAL;
	}
	if (stamp_parse(row->stamp, &row->t_s)) {
		snprintf(error, size,
			 "line %llu: timestamp `%.40s`: YYYY-MM-DD HH:MM:SS (UTC) is needed",
			 (unsigned long long)s->line, row->stamp);
		return -EINVAL;
	}
	if (value_parse(row->text, &row->value)) {
		snprintf(error, size, "line %llu: value `%.40s`: a finite number is needed",
			 (unsigned long long)s->line, row->text);
		return -EINVAL;
	}
	return 0;
}

static int row_read(struct series *s, struct series_row *row, char *error, size_t size)
{
	int n = line_read(s);

	if (n < 0) {
		snprintf(error, size, "line %llu: %s", (unsigned long long)s->line,
			 n == -EILSEQ ? "not text" : strerror(-n));
		return n;
	}
	if (n > 0) {
		n = row_parse(s, row, error, size);
		return n ? n : 1;
	}
	return 0;
}

/* The commonest difference between neighbouring rows; 0 if not half of them have it. */
static uint32_t interval_find(const struct series *s)
{
	size_t i, k, best = 0;
	int64_t step = 0;

	for (i = 1; i < s->n_ahead; i++) {
		int64_t difference = s->ahead[i].row.t_s - s->ahead[i - 1].row.t_s;
		size_t same = 0;

		for (k = 1; k < s->n_ahead; k++)
			same += s->ahead[k].row.t_s - s->ahead[k - 1].row.t_s == difference;
		if (same > best && difference > 0 && difference <= UINT32_MAX) {
			best = same;
			step = difference;
		}
	}
	return 2 * best >= s->n_ahead - 1 ? step : 0;
}

static int rows_ahead(struct series *s, char *error, size_t size)
{
	int n = 0;

	while (s->n_ahead < AHEAD) {
		struct ahead *a = &s->ahead[s->n_ahead];

		n = row_read(s, &a->row, error, size);
		if (n <= 0)
			break;
		a->line = s->buffer;
		s->buffer = NULL;
		s->capacity = 0;
		s->n_ahead++;
	}
	if (n < 0)
		return n;
	if (s->n_ahead < 2) {
		snprintf(error, size, "%zu rows: at least two are needed", s->n_ahead);
		return -EINVAL;
	}
	s->step_s = interval_find(s);
	if (s->step_s)
		return 0;
	snprintf(error, size, "its rows are not at a fixed interval");
	return -EINVAL;
}

struct series *series_open(FILE *file, char *error, size_t error_size)
{
	struct series *s = calloc(1, sizeof(*s));
	int n;

	if (!s) {
		snprintf(error, error_size, "%s", strerror(ENOMEM));
		return NULL;
	}
	s->file = file;
	n = line_read(s);
	if (n > 0) {
		if (!header_parse(s, error, error_size) && !rows_ahead(s, error, error_size))
			return s;
	} else {
		snprintf(error, error_size, "%s",
			 n == -EILSEQ ? "line 1: not text"
			 : n	      ? strerror(-n)
				      : "it is empty");
	}
	series_close(s);
	return NULL;
}

void series_close(struct series *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->n_ahead; i++)
		free(s->ahead[i].line);
	free(s->buffer);
	free(s);
}

uint32_t series_step_s(const struct series *s)
{
	return s->step_s;
}

int series_next(struct series *s, struct series_row *ret_row, char *error, size_t error_size)
{
	int n = 1;

	if (s->next_ahead < s->n_ahead)
		*ret_row = s->ahead[s->next_ahead++].row;
	else
		n = row_read(s, ret_row, error, error_size);
	if (n <= 0)
		return n;
	/* A gap is whole intervals; anything else is off. */
	if (s->rows++ && (ret_row->t_s <= s->last_s || (ret_row->t_s - s->last_s) % s->step_s))
		s->off++;
	s->last_s = ret_row->t_s;
	if (s->off > OFF_MIN && s->off > s->rows / 2) {
		snprintf(error, error_size,
			 "line %llu: its rows are not at a fixed interval of %u s",
			 (unsigned long long)s->line, s->step_s);
		return -EINVAL;
	}
	return 1;
}

size_t series_format(char text[24], float value)
{
	static const uint32_t power[] = {1,	 10,	  100,	    1000,     10000,
					 100000, 1000000, 10000000, 100000000};
	double size = fabs((double)value);
	uint64_t whole, fraction;
	int decimals = 5, i;
	char *p = text;

	if (value == 0) {
		memcpy(text, "0", 2);
		return 1;
	}
	if (!(size >= 1e-3 && size < 99999.5))
		return snprintf(text, 24, "%.6g", (double)value);
	for (i = 1; i < 6; i++)
		decimals -= size >= power[i];
	for (i = 0; i <= 2; i++)
		decimals += size * power[i] < 1;
	whole = llrint(size * power[decimals]);
	fraction = whole % power[decimals];
	whole /= power[decimals];
	if (value < 0)
		*p++ = '-';
	for (i = 1; i < 8 && whole >= power[i];)
		i++;
	for (; i > 0; i--)
		*p++ = '0' + whole / power[i - 1] % 10;
	if (fraction)
		*p++ = '.';
	for (; fraction; fraction %= power[decimals])
		*p++ = '0' + fraction / power[--decimals];
	*p = 0;
	return p - text;
}
