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

#endif
