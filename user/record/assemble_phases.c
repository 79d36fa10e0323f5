// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/assemble_phases.h"

#include <errno.h>
#include <stdlib.h>

static bool is_marked(const struct assemble_input *in)
{
	return in->phases[0].mark;
}

uint32_t phases_of(const struct phases *p, uint64_t t_ns)
{
	const struct assemble_input *in = p->in;
	uint32_t phase = in->nphases - 1;

	/* In a capture the first samples come a moment before the window, and count. */
	if (is_marked(in) && (t_ns < in->start_ns || t_ns > in->end_ns))
		return PHASE_NONE;
	while (phase && in->phases[phase].start_ns > t_ns)
		phase--;
	return phase;
}

uint64_t phases_on_cpu_ns(const struct phases *p, const struct thread *t, uint32_t phase)
{
	const struct assemble_phase *from = &p->in->phases[phase];

	if (!is_marked(p->in))
		return thread_sums(t).on_cpu_ns;
	uint64_t begin = thread_sums_at(t, from->mark, from->start_ns).on_cpu_ns, end;

	if (phase + 1 < p->in->nphases)
		end = thread_sums_at(t, from[1].mark, from[1].start_ns).on_cpu_ns;
	else
		end = t->end.on_cpu_ns;
	return end > begin ? end - begin : 0;
}

uint32_t phases_samples(const struct phases *p, size_t thread, uint32_t phase)
{
	return p->samples[thread * p->in->nphases + phase];
}

int phases_init(struct phases *p, struct aggregate *a, const struct assemble_input *in)
{
	*p = (struct phases){
		.in = in,
		.samples = calloc(a->threads.n * in->nphases + 1, sizeof(*p->samples)),
	};
	if (!p->samples)
		return -ENOMEM;
	for (size_t i = 0; i < a->threads.n; i++) {
		struct thread *t = &a->threads.threads[i];

		t->row = IDMAP_NONE;
		t->samples = 0;
		if (is_marked(in))
			t->base = thread_sums_at(t, in->phases[0].mark, in->start_ns);
	}
	for (size_t i = 0; i < a->nsamples; i++) {
		const struct aggregate_sample *s = &a->samples[i];
		uint32_t phase = phases_of(p, s->t_ns);

		if (phase == PHASE_NONE)
			continue;
		p->samples[s->thread * in->nphases + phase]++;
		a->threads.threads[s->thread].samples++;
	}
	return 0;
}

void phases_release(struct phases *p)
{
	free(p->samples);
	*p = (struct phases){ 0 };
}
