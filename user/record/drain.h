/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that empties the rings into memory and closes the window when its time has come, whatever
 * the rest of the tool is waiting for: naming and tables wait for another process, and on a machine
 * without CPU left that takes its time.
 *
 *	new -> collector_new(drain_sink) -> collector_begin -> start -> take… -> stop -> take
 */
#ifndef BD_DRAIN_H
#define BD_DRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "user/record/collector.h"
#include "user/record/sideband.h"

#define DRAIN_BYTES_MAX (128u << 20) /* that wait; what is over is lost and counted */

struct drain;

int drain_new(struct drain **ret);
/* Stops it first. */
void drain_free(struct drain *d);
/* For the collector: all that it says is copied. */
struct collector_sink drain_sink(struct drain *d);

/*
 * From here to drain_stop() collector and side-band are the thread's; they outlive it. It closes the
 * window at `end_ns` (CLOCK_MONOTONIC; 0: only when it is told to). 0 or -errno.
 */
int drain_start(struct drain *d, struct collector *collector, struct sideband *sideband,
		uint64_t end_ns);
/*
 * For a recording without an end: between the two the collector is the caller's, and what it says
 * goes the usual way. Not for long: nobody looks at the rings meanwhile.
 */
void drain_hold(struct drain *d);
void drain_let_go(struct drain *d);
/* How long it waits for a ring to fill: the longer, the less it costs. */
void drain_set_patience(struct drain *d, int milliseconds);
/* Readable when there is something to take. */
int drain_fd(const struct drain *d);

/* Closes the window if it is open, after it a last look at the rings. 0, or -errno and a sentence. */
int drain_stop(struct drain *d, char error[COLLECTOR_ERROR]);
/* Is the window closed, or the thread dead? */
bool drain_ended(const struct drain *d);

/*
 * Waits up to `timeout_ms` for records, or until a signal comes, and hands over what is there. All
 * that happened before *ret_looked_ns has been handed over by now. 0 or -errno.
 */
int drain_take(struct drain *d, int timeout_ms, const struct collector_sink *sink,
	       sideband_fn *sideband, uint64_t *ret_looked_ns);
uint64_t drain_lost(const struct drain *d);
uint64_t drain_idle_wakeups(const struct drain *d);

#endif
