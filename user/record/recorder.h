/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One recording from start to report: collector, side-band, reader and aggregate put together.
 * `capture` makes one; the order of its life is
 *
 *   new -> add_pid… -> start -> poll… -> stop -> report -> free
 */
#ifndef BD_RECORDER_H
#define BD_RECORDER_H

#include <stdbool.h>
#include <stdint.h>
#include "user/record/collector.h"
#include "user/lib/profile/report.h"

struct recorder;

struct recorder_stats {
	uint64_t samples;
	uint64_t start_ns, now_ns; /* CLOCK_MONOTONIC */
	bool ended; /* the window is closed: its time has come */
};

int recorder_new(struct recorder **ret, const struct collector_options *options,
		 char error[COLLECTOR_ERROR]);
void recorder_free(struct recorder *r);
/* Records this process and the children that it makes from now on. 0, or -errno and why. */
int recorder_add_pid(struct recorder *r, uint32_t pid, char error[COLLECTOR_ERROR]);
/* The window opens; it closes by itself after `duration_ns`, if that isn't 0. */
int recorder_start(struct recorder *r, uint64_t duration_ns, char error[COLLECTOR_ERROR]);
/* Drains for up to `timeout_ms`; a signal ends it early. 0 or -errno. */
int recorder_poll(struct recorder *r, int timeout_ms);
/* The window closes, if it is still open. */
int recorder_stop(struct recorder *r, char error[COLLECTOR_ERROR]);
void recorder_stats(const struct recorder *r, struct recorder_stats *ret);
/* Makes an initialised report of it: all but trigger, client and command. 0 or -errno. */
int recorder_report(struct recorder *r, struct report *ret);

#endif
