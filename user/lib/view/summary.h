/* SPDX-License-Identifier: BSD-2-Clause */
/* A report in the terminal: what a person wants to know before opening the picture. */
#ifndef BD_SUMMARY_H
#define BD_SUMMARY_H

#include "user/lib/base/out.h"
#include "user/lib/profile/report.h"

struct summary_options {
	unsigned int columns; /* width to keep to; 0 is 80, and at least 60 */
	unsigned int rows;    /* of each table; 0 is 10 */
	bool colour;
	bool all_logs; /* each line of the log, whole, and not the last `rows` as they fit */
};

/*
 * Writes the summary. The first line is a warning where more than 2 % of a process's user stacks
 * are cut short. 0 or -errno; other errors are those of `out`.
 */
int summary_write(const struct report *r, const struct summary_options *options, struct out *out);

/* The part of it that is the client's log; columns and rows must be given. */
void summary_logs(const struct report *r, const struct summary_options *options, struct out *out);

#endif
