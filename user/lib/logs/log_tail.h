/* SPDX-License-Identifier: BSD-2-Clause */
/* The last lines of a log, from the end of a file that was read. */
#ifndef BD_LOG_TAIL_H
#define BD_LOG_TAIL_H

#include "user/lib/logs/log_time.h"

#define LOG_LINE_BYTES 4096
/* With the marks of what was cut in front and behind. */
#define LOG_TEXT_BYTES (LOG_LINE_BYTES + 96)

struct log_want {
	struct log_clock clock; /* its last_ns is used up */
	int64_t since_ns;	/* older lines are left out */
	uint64_t lines_max;
};

/* What is known of the end of a file before a line of it is looked at. */
struct log_data {
	const char *text;
	size_t size;
	uint64_t before_bytes; /* of the file, that were not read */
	int64_t mtime_ns;
};

/* What became of it. */
struct log_counts {
	uint64_t lines, lines_left_out; /* within the time, but beyond lines_max */
	uint64_t bytes_left_out;	/* of lines that were cut, or that were not read */
	uint64_t lines_cut, bytes_replaced;
	uint64_t timed; /* lines with a time of their own */
};

/* `t_ns` is that of the line or of the one before it, 0 where none has one; the text is ended by a
 * zero and valid, see symbol_text.h. Returns 0 or an error that ends it. */
typedef int log_line_fn(void *arg, int64_t t_ns, const char *text, size_t len);

/*
 * Hands on the lines that are wanted, in the order of the file. A line without a time has that of the
 * line before; where no line has one, all are handed on if the file was written since. 0 or the
 * first error of `fn`.
 */
int log_tail(const struct log_data *data, const struct log_want *want, log_line_fn *fn, void *arg,
	     struct log_counts *ret);

/*
 * One line as a report may hold it: no sequences for terminals, tabs as blanks, other control
 * characters and what is no UTF-8 as U+FFFD, at most LOG_LINE_BYTES and a mark that says how much is
 * missing. `before`: bytes of it that are missing in front. Returns its length.
 */
size_t log_line_clean(const char *line, size_t len, uint64_t before, char ret[LOG_TEXT_BYTES],
		      struct log_counts *counts);

#endif
