// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/detect/budget.h"

#include <stdio.h>

#define ROOM_PERCENT (BUDGET_PERCENT * 0.9) /* some of the budget stays free, or it would go to and fro */

void budget_init(struct budget *b, unsigned wanted_hz, uint64_t now_ns, struct budget_cost cost)
{
	*b = (struct budget){ wanted_hz, wanted_hz, 0, now_ns, cost };
}

void budget_pardon(struct budget *b, uint64_t now_ns, struct budget_cost cost)
{
	b->at_ns = now_ns;
	b->cost = cost;
}

bool budget_step(struct budget *b, uint64_t now_ns, struct budget_cost cost)
{
	unsigned before = b->rate_hz, twice = b->rate_hz * 2;

	if (now_ns < b->at_ns || cost.all_ns < b->cost.all_ns ||
	    cost.samples_ns < b->cost.samples_ns) {
		budget_pardon(b, now_ns, cost);
		return false;
	}
	if (now_ns - b->at_ns < BUDGET_WINDOW_NS)
		return false;
	double percent_of = 100.0 / (now_ns - b->at_ns);
	double samples = (cost.samples_ns - b->cost.samples_ns) * percent_of;

	b->percent = (cost.all_ns - b->cost.all_ns) * percent_of;
	if (b->percent > BUDGET_PERCENT && b->rate_hz > 1)
		b->rate_hz /= 2;
	else if (b->rate_hz < b->wanted_hz &&
		 b->percent + (1 + BUDGET_USER_SHARE) * samples < ROOM_PERCENT)
		b->rate_hz = twice < b->wanted_hz ? twice : b->wanted_hz;
	budget_pardon(b, now_ns, cost);
	return b->rate_hz != before;
}

void budget_text(const struct budget *b, char *text, size_t size)
{
	if (!size)
		return;
	text[0] = '\0';
	if (b->rate_hz < b->wanted_hz)
		snprintf(text, size, "%u samples a second and CPU instead of %u, to stay below %.3g %% of a CPU",
			 b->rate_hz, b->wanted_hz, BUDGET_PERCENT);
	else if (b->percent > BUDGET_PERCENT)
		snprintf(text, size, "it costs %.2g %% of a CPU, more than %.3g %%, at the lowest rate",
			 b->percent, BUDGET_PERCENT);
}
