/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flight recorder: samples at a low rate that reach back a while, in bounded memory, and the
 * threads' exact sums at marks, so that a report can begin before its trigger.
 *
 *   new -> start -> { second… | burst -> second… -> calm } -> free
 *
 * Whoever drives it calls flight_recorder_poll() when flight_recorder_fd() is readable, and
 * flight_recorder_second() once a second. A report can be made after burst (what led to it) and
 * after calm (all of it).
 */
#ifndef BD_FLIGHT_RECORDER_H
#define BD_FLIGHT_RECORDER_H

#include "user/record/aggregate.h"
#include "user/lib/detect/budget.h"
#include "user/lib/profile/report.h"

struct flight_recorder;

struct flight_options {
	unsigned rate_hz, burst_hz;
	uint32_t before_s; /* a report reaches back so far, and further on a quiet machine: reach.h */
	size_t ring_bytes; /* the most that samples, stacks and threads may take */
	struct aggregate_tap tap;
};

struct flight_loss {
	const char *reason;
	uint64_t n;
};

#define FLIGHT_LOSSES (BD_LOSSES + AGGREGATE_LOSSES + 2)

struct flight_stats {
	unsigned rate_hz; /* now */
	bool bursting;
	uint64_t samples, ring_bytes, ring_ns; /* held, and how far back */
	uint64_t cpu_ns, bpf_ns;	       /* own cost since the start */
	uint64_t map_bytes, rss_bytes;	       /* now */
	uint64_t fired, lost_samples;	       /* since the start: due, and of them not recorded */
	struct flight_loss losses[FLIGHT_LOSSES]; /* why, without those that are 0 */
	size_t nlosses;
};

int flight_recorder_new(struct flight_recorder **ret, const struct flight_options *options,
			char error[COLLECTOR_ERROR]);
void flight_recorder_free(struct flight_recorder *f);
int flight_recorder_start(struct flight_recorder *f, char error[COLLECTOR_ERROR]);

/* Readable when there is something to poll for. */
int flight_recorder_fd(const struct flight_recorder *f);
int flight_recorder_poll(struct flight_recorder *f);
/* Reads the threads' sums, which the tap hears of, and forgets what is too old. 0 or -errno. */
int flight_recorder_second(struct flight_recorder *f, char error[COLLECTOR_ERROR]);
/* Even so it takes more than `ring_bytes`: in a burst, which is to end then. */
bool flight_recorder_full(const struct flight_recorder *f);
/* The rate while nothing is wrong; in a burst it is taken up after it. */
int flight_recorder_set_rate(struct flight_recorder *f, unsigned rate_hz);

/* The high rate, and the switch hooked. -EALREADY: it is on. */
int flight_recorder_burst(struct flight_recorder *f, char error[COLLECTOR_ERROR]);
/* The end of it. */
int flight_recorder_calm(struct flight_recorder *f, char error[COLLECTOR_ERROR]);

/*
 * Makes an initialised report: all but trigger, client, series and baseline. In a burst it ends with
 * the trigger, and is marked incomplete. Names may take `names_ns`. 0 or -errno.
 */
int flight_recorder_report(struct flight_recorder *f, uint64_t names_ns, struct report *ret);

/* --- deaths: flight_crash.c */
struct crash_watch;

/* Whose deaths the kernel's side looks at. */
struct crash_watch *flight_recorder_crash_watch(struct flight_recorder *f);
/* The process's unwind tables are made before they are needed. It may take some milliseconds. */
void flight_recorder_prepare(struct flight_recorder *f, uint32_t ns_tgid, uint32_t tgid,
			     uint32_t exec_id);
/* A death that is complete, the caller's to free; NULL: none. */
struct crash *flight_recorder_take_crash(struct flight_recorder *f);
/* Do some of them still lack threads? */
bool flight_recorder_has_crashes(const struct flight_recorder *f);
/* The program that a process ran, as far as its mappings tell; NULL where they don't. */
const char *flight_recorder_program(struct flight_recorder *f, uint32_t ns_tgid);
/*
 * Makes an initialised report of it as flight_recorder_report() does, in a burst as well: from what
 * the ring has until now, which goes on.
 */
int flight_recorder_crash_report(struct flight_recorder *f, const struct crash *c,
				 uint64_t names_ns, struct report *ret);

struct budget_cost flight_recorder_cost(const struct flight_recorder *f);
void flight_recorder_stats(struct flight_recorder *f, struct flight_stats *ret);
/* Calls fn for each thread that is known. */
void flight_recorder_threads(struct flight_recorder *f,
			     void (*fn)(void *arg, const struct thread *thread), void *arg);
/* Says whose a thread is: reports mark the threads of their client. */
void flight_recorder_own(struct flight_recorder *f, const struct bd_thread *id, uint64_t client);
struct reader *flight_recorder_reader(struct flight_recorder *f);

#endif
