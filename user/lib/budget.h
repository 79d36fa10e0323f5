/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's budget: what it may cost of one CPU. Over it, the sampling rate is halved; well below
 * it, the rate goes back up. No clock of its own. A zeroed struct budget needs budget_init().
 */
#ifndef BD_BUDGET_H
#define BD_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUDGET_PERCENT 1.0
#define BUDGET_WINDOW_NS 30000000000ULL

struct budget {
	unsigned wanted_hz, rate_hz; /* as configured, and now */
	double percent;		     /* cost in the last whole window, of one CPU */
	uint64_t at_ns, cost_ns;     /* the running window's begin */
};

void budget_init(struct budget *b, unsigned wanted_hz, uint64_t now_ns, uint64_t cost_ns);
/* What has been spent since the window's begin doesn't count: it was for a report. */
void budget_pardon(struct budget *b, uint64_t now_ns, uint64_t cost_ns);
/* `cost_ns`: CPU time so far. True when rate_hz is another one now. */
bool budget_step(struct budget *b, uint64_t now_ns, uint64_t cost_ns);
/* What was given up, for status and report; "" for nothing. */
void budget_text(const struct budget *b, char *text, size_t size);

#endif
