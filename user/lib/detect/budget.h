/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's budget: what it may cost of one CPU. Over it, the sampling rate is halved; where twice
 * the rate would stay below it, the rate goes back up. What samples cost the kernel's side is known;
 * user space is taken to spend BUDGET_USER_SHARE times as much on them again, which is more than it
 * does. No clock of its own. A zeroed struct budget needs budget_init().
 */
#ifndef BD_BUDGET_H
#define BD_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUDGET_PERCENT 1.0
#define BUDGET_WINDOW_NS 30000000000ULL
#define BUDGET_USER_SHARE 3

struct budget_cost {
	uint64_t all_ns;     /* CPU time so far, the BPF programs' included */
	uint64_t samples_ns; /* of it, of the programs that take samples */
};

struct budget {
	unsigned wanted_hz, rate_hz; /* as configured, and now */
	double percent;		     /* cost in the last whole window, of one CPU */
	uint64_t at_ns;		     /* the running window's begin */
	struct budget_cost cost;     /* and the cost by then */
};

void budget_init(struct budget *b, unsigned wanted_hz, uint64_t now_ns, struct budget_cost cost);
/* What has been spent since the window's begin doesn't count: it was for a report. */
void budget_pardon(struct budget *b, uint64_t now_ns, struct budget_cost cost);
/* True when rate_hz is another one now. */
bool budget_step(struct budget *b, uint64_t now_ns, struct budget_cost cost);
/* What was given up, for status and report; "" for nothing. */
void budget_text(const struct budget *b, char *text, size_t size);

#endif
