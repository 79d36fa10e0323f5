/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of assembling that concerns stacks and samples. */
#ifndef BD_ASSEMBLE_STACKS_H
#define BD_ASSEMBLE_STACKS_H

#include "user/assemble_phases.h"

/* Names, frames, the prefix tree, samples with their weights, `unwind`. Threads have their rows. */
int assemble_samples(struct aggregate *a, const struct phases *phases, struct report *r);

#endif
