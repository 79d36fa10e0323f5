// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/budget.h"

#include <stdio.h>

/* Twice the rate costs at most twice as much: below this there is room for it. */
#define ROOM_PERCENT (BUDGET_PERCENT * 0.45)

void budget_init(struct budget *b, unsigned wanted_hz, uint64_t now_ns, uint64_t cost_ns)
{
	*b = (struct budget){ wanted_hz, wanted_hz, 0, now_ns, cost_ns };
}

void budget_pardon(struct budget *b, uint64_t now_ns, uint64_t cost_ns)
{
	b->at_ns = now_ns;
	b->cost_ns = cost_ns;
}

bool budget_step(struct budget *b, uint64_t now_ns, uint64_t cost_ns)
{
	unsigned before = b->rate_hz;

	if (now_ns < b->at_ns || cost_ns < b->cost_ns) {
		budget_pardon(b, now_ns, cost_ns);
		return false;
	}
	if (now_ns - b->at_ns < BUDGET_WINDOW_NS)
		return false;
	b->percent = 100.0 * (cost_ns - b->cost_ns) / (now_ns - b->at_ns);
	if (b->percent > BUDGET_PERCENT && b->rate_hz > 1)
		b->rate_hz /= 2;
	else if (b->percent < ROOM_PERCENT && b->rate_hz < b->wanted_hz)
		b->rate_hz = b->rate_hz * 2 < b->wanted_hz ? b->rate_hz * 2 : b->wanted_hz;
	budget_pardon(b, now_ns, cost_ns);
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
