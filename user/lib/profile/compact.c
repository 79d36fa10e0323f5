// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/profile/compact.h"

#include <errno.h>
#include <stdlib.h>

/* Of one thread: what its slots held so far, and what has been written for it. */
struct running {
	uint64_t on_cpu, wait, on_cpu_done, wait_done;
};

uint64_t compact_grain_ns(uint64_t rate_hz)
{
	uint64_t most = rate_hz ? 1000000000 / rate_hz / COMPACT_GRAINS_PER_SAMPLE : 0, grain = 1;

	while (grain * 2 <= most)
		grain *= 2;
	return grain;
}

static void compact_samples(struct report *r)
{
	uint64_t rate = r->window.rate_hz, grain;

	for (size_t i = 0; i < r->phases.n; i++)
		if (r->phases.rate_hz[i] > rate)
			rate = r->phases.rate_hz[i];
	grain = compact_grain_ns(rate);
	for (size_t i = 0; i < r->samples.n; i++)
		r->samples.t_ns[i] &= ~(grain - 1);
}

/* What this slot gets so that the sum is right, given what came before. */
static uint32_t compact_step(uint64_t *sum, uint64_t *done, uint32_t value)
{
	uint64_t rounded;

	*sum += value;
	rounded = (*sum + COMPACT_TIMELINE_US / 2) / COMPACT_TIMELINE_US * COMPACT_TIMELINE_US;
	value = rounded - *done;
	*done = rounded;
	return value;
}

static int compact_timeline(struct report *r)
{
	struct report_timeline *l = &r->timeline;
	struct running *running = calloc(r->threads.n + 1, sizeof(*running));
	size_t kept = 0;

	if (!running)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++) {
		struct running *t = &running[l->thread[i]];
		uint32_t on_cpu = compact_step(&t->on_cpu, &t->on_cpu_done, l->on_cpu_us[i]);
		uint32_t wait = compact_step(&t->wait, &t->wait_done, l->wait_us[i]);

		if (!on_cpu && !wait)
			continue;
		l->thread[kept] = l->thread[i];
		l->slot[kept] = l->slot[i];
		l->on_cpu_us[kept] = on_cpu;
		l->wait_us[kept++] = wait;
	}
	l->n = kept;
	free(running);
	return 0;
}

int compact_report(struct report *r)
{
	int status = compact_timeline(r);

	if (!status)
		compact_samples(r);
	return status;
}
