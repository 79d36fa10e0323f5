/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of assembling that concerns phases: which samples and how much exact time each has. */
#ifndef BD_ASSEMBLE_PHASES_H
#define BD_ASSEMBLE_PHASES_H

#include "user/record/assemble.h"

#define PHASE_NONE UINT32_MAX

struct phases {
	const struct assemble_input *in;
	uint32_t *samples; /* by thread and phase */
};

/* Counts; also sets each thread's base and `samples` to what the window has. 0 or -ENOMEM. */
int phases_init(struct phases *p, struct aggregate *a, const struct assemble_input *in);
void phases_release(struct phases *p);

/* The phase of a moment, PHASE_NONE where it is outside of the window. */
uint32_t phases_of(const struct phases *p, uint64_t t_ns);
/* Exact time on a CPU of a thread in a phase. */
uint64_t phases_on_cpu_ns(const struct phases *p, const struct thread *t, uint32_t phase);
/* Samples of the thread, by its index, in a phase. */
uint32_t phases_samples(const struct phases *p, size_t thread, uint32_t phase);

#endif
