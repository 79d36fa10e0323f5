/* SPDX-License-Identifier: BSD-2-Clause */
/* A line on standard error that says how far long work is, where that is a terminal. */
#ifndef BD_PROGRESS_H
#define BD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on;
	double total_s; /* 0: nobody knows */
};

void progress_begin(struct progress *p, double total_s);
void progress_show(struct progress *p, double done_s, uint64_t samples);
/* Of things instead of seconds: "12 of 40 reports". */
void progress_count(struct progress *p, uint64_t done, uint64_t all, const char *what);
/* What comes after the recording, such as "names". */
void progress_say(struct progress *p, const char *what);
void progress_end(struct progress *p);

#endif
