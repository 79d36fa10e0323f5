/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recorded series: CSV with a header that has at least the columns `timestamp` and `value`, one
 * row each interval. Times are `2026-11-22 21:00:00` (also with a T, a fraction or a Z), always
 * UTC, or whole seconds since the epoch.
 *
 * Rows may be missing, and a clock may have been set; but most rows must be one interval apart.
 */
#ifndef BD_SERIES_H
#define BD_SERIES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct series_row {
	const char *stamp,
		*text; /* both columns as they were written, until the next row is read */
	int64_t t_s;
	float value;
};

struct series;

/*
 * Reads the header and looks ahead for the interval. FILE stays the caller's. NULL on any error,
 * with one line about it in ERROR: `line 3: ...`.
 */
struct series *series_open(FILE *file, char *error, size_t error_size);
void series_close(struct series *s);

/* Seconds between rows. */
uint32_t series_step_s(const struct series *s);

/* 1 and a row, 0 at the end, or -errno with one line about it in ERROR. */
int series_next(struct series *s, struct series_row *ret_row, char *error, size_t error_size);

/* VALUE with six significant digits; TEXT takes 24 bytes. Returns the length. As "%.6g", but quick.
 */
size_t series_format(char text[24], float value);

#endif
