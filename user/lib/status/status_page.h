/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of a status in words share: status_text.c, and status_clients.c for its tables. */
#ifndef BD_STATUS_PAGE_H
#define BD_STATUS_PAGE_H

#include <math.h>
#include <stdio.h>

#include "user/lib/base/out.h"
#include "user/lib/status/status.h"
#include "user/lib/base/summary_text.h"

#define BOLD "\033[1m"
#define RED "\033[1;31m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

struct status_page {
	const struct status *s;
	struct out *out;
	unsigned int columns, rows;
	bool colour, live;
	double now_s;
};

static inline void paint(struct status_page *p, const char *colour)
{
	if (p->colour)
		out_text(p->out, colour);
}

static inline const char *text_of(const char *text)
{
	return text ? text : "";
}

static inline const char *bytes(uint64_t n, char ret[SUMMARY_NUMBER_BYTES])
{
	return n ? summary_bytes(n, ret) : "0";
}

/* A share or CPUs in per cent; "-" where it is not known. */
static inline const char *percent(double value, char ret[SUMMARY_NUMBER_BYTES])
{
	if (isnan(value))
		return "-";
	snprintf(ret, SUMMARY_NUMBER_BYTES, "%.1f", 100 * value);
	return ret;
}

/* The machine and clients by CPU, at most MOST; unless the page is live with what is normal of each. */
void status_page_clients(struct status_page *p, size_t most);
/* That templates have made no client of some units. */
void status_page_left_out(struct status_page *p);
/* Threads by CPU, at most MOST. */
void status_page_threads(struct status_page *p, size_t most);

#endif
