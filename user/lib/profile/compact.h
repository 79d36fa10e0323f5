/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes a finished report small on the wire without changing what it says. */
#ifndef BD_COMPACT_H
#define BD_COMPACT_H

#include "user/lib/profile/report.h"

/* Times of samples are kept to this part of the sampling interval. */
#define COMPACT_GRAINS_PER_SAMPLE 64
/* Times in `timeline` are kept to this. */
#define COMPACT_TIMELINE_US 100

/* The largest power of two of ns that is at most 1/64 of the interval at this rate; 1 for rate 0.
 */
uint64_t compact_grain_ns(uint64_t rate_hz);

/*
 * Rounds what is random and says nothing, and so cannot be compressed.
 *
 * samples.t_ns goes down to the grain of the highest rate in `phases` and `window`: a clock that
 * interrupts 99 times a second says nothing by its nanoseconds. The order stays.
 *
 * timeline.on_cpu_us and wait_us become multiples of 100 us, which is 1 % of a slot, by rounding
 * the running sum of each thread: every sum over slots stays right to 0.1 ms. Slots in which
 * nothing is left are taken out.
 *
 * Doing it twice changes nothing. 0, or -ENOMEM and an unchanged report.
 */
int compact_report(struct report *r);

#endif
