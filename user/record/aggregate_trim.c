// SPDX-License-Identifier: BSD-2-Clause
/* Forgetting: what keeps a recording without an end within its memory. */
#include <string.h>

#include "user/record/aggregate.h"
#include "user/lib/base/array.h"

/* A stack is sent anew in each epoch of 17 s; until then samples refer to what was sent. */
#define STACK_EPOCH_NS (1ULL << 34)

static uint32_t moved_to(const uint32_t *moved, uint32_t index)
{
	return index == IDMAP_NONE ? IDMAP_NONE : moved[index];
}

static void samples_move(struct aggregate *a, uint64_t oldest_ns, const uint32_t *threads,
			 const uint32_t *stacks)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->nsamples; i++) {
		struct aggregate_sample s = a->samples[i];

		if (s.t_ns < oldest_ns || threads[s.thread] == IDMAP_NONE)
			continue;
		s.thread = threads[s.thread];
		s.kernel = moved_to(stacks, s.kernel);
		s.user = moved_to(stacks, s.user);
		a->samples[kept++] = s;
	}
	a->nsamples = kept;
}

int aggregate_trim(struct aggregate *a, uint64_t oldest_ns, uint64_t now_ns)
{
	uint32_t *threads = malloc((a->threads.n + 1) * sizeof(*threads));
	uint32_t *stacks = malloc((a->stacks.nstacks + 1) * sizeof(*stacks));
	uint64_t stacks_ns = now_ns > STACK_EPOCH_NS ? now_ns - STACK_EPOCH_NS : 0;
	int err = -ENOMEM;

	if (!threads || !stacks)
		goto out;
	/* The order matters: what could not be trimmed stays as it is, and its indexes too. */
	for (size_t i = 0; i < a->stacks.nstacks; i++)
		stacks[i] = i;
	err = thread_table_trim(&a->threads, oldest_ns, threads);
	if (err)
		goto out;
	err = stack_table_trim(&a->stacks, oldest_ns < stacks_ns ? oldest_ns : stacks_ns, stacks);
	for (size_t i = 0; err && i < a->stacks.nstacks; i++)
		stacks[i] = i;
	samples_move(a, oldest_ns, threads, stacks);
	array_shrink((void **)&a->samples, &a->cap_samples, a->nsamples, sizeof(*a->samples));
	if (!err)
		err = process_table_trim(&a->processes, oldest_ns);
out:
	free(threads);
	free(stacks);
	if (err)
		a->loss[AGGREGATE_MEMORY]++;
	return err;
}

void aggregate_new_burst(struct aggregate *a, uint64_t origin_slot)
{
	thread_table_new_burst(&a->threads, origin_slot);
	a->nblockers = 0;
	idmap_release(&a->by_blocker);
}

size_t aggregate_bytes(const struct aggregate *a)
{
	return a->cap_samples * sizeof(*a->samples) + stack_table_bytes(&a->stacks) +
	       thread_table_bytes(&a->threads) + process_table_bytes(&a->processes);
}
