/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The edges of a window: each thread's sum is read at its own moment, so whoever reads them must not
 * be put aside in the middle, or the machine's parts don't make the whole.
 */
#ifndef BD_URGENT_H
#define BD_URGENT_H

#include <sched.h>
#include <stdbool.h>

struct urgent {
	bool on;
	int policy;
	struct sched_param param;
};

/* From here on this thread runs before all that isn't real-time: for milliseconds at most. Where
 * that isn't allowed, nothing changes. */
void urgent_begin(struct urgent *ret);
void urgent_end(const struct urgent *u);

/*
 * Runs for a moment on each CPU that this thread may use: a switch there tells how the scheduler's
 * clock stands to ours, without which what is stolen from a CPU can't be told from what is used.
 */
void urgent_visit_cpus(void);

#endif
