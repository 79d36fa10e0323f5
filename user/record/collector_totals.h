/* SPDX-License-Identifier: BSD-2-Clause */
/* What the programs counted on each CPU, summed, and completed up to the window's end. */
#ifndef BD_COLLECTOR_TOTALS_H
#define BD_COLLECTOR_TOTALS_H

#include <stdbool.h>
#include <stdint.h>
#include "user/record/collector.h"

/*
 * Adds a CPU. `first_offset`: of its two clocks when the window began, or 0; `seen_running`: a
 * thread was on it at the last look. `end_ns` 0: the window is open.
 */
void collector_totals_add(struct collector_totals *t, const struct bd_cpu *state,
			  uint64_t first_offset, bool seen_running, uint64_t start_ns,
			  uint64_t end_ns);
/* Sets the capacity; `whole`: no CPU went offline. `enabled_ns`: time that all events were on. */
void collector_totals_capacity(struct collector_totals *t, uint64_t enabled_ns, bool whole,
			       uint64_t start_ns, uint64_t end_ns);

/*
 * The ns that interrupts and the hypervisor took from CPUs that were busy, of which the threads in the
 * report had `threads_ns`. What they took from an idle one, which woke up late, is idle time already.
 * `excluded_known`: t->excluded_ns was measured, and bounds it.
 */
uint64_t collector_totals_taken_ns(const struct collector_totals *t, uint64_t threads_ns,
				   bool excluded_known);

#endif
