/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The collector: the life of the BPF programs and of the events that drive them. It hands out what
 * they record as it comes; it keeps no history and knows no names.
 *
 *   new (opens and loads) -> targets -> attach -> begin -> poll… -> end -> free
 *
 * With `watch` the window stays open: nothing is hooked to context switches, sums are read at each
 * look, and a burst hooks the switch for a while:
 *
 *   … -> begin -> (poll… | look | burst_begin -> (poll… | look) -> burst_end)… -> free
 *
 * Errors are 0 or -errno, and a sentence for the user in `error`, which names the remedy.
 */
#ifndef BD_COLLECTOR_H
#define BD_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bpf/abi.h"

struct collector;
struct unwind_map_fds;
struct crash_map_fds;
struct bpf_program;

#define COLLECTOR_ERROR 256

/* Why the threads' sums were read. */
enum collector_edge {
	COLLECTOR_BEGIN,     /* the window begins */
	COLLECTOR_LOOK,	     /* it goes on */
	COLLECTOR_BURST_END, /* so it does, but what the switch hook kept is handed out */
	COLLECTOR_END,
};

struct collector_options {
	unsigned rate_hz;
	bool watch;
	bool crash;	   /* deaths are looked at */
	bool dump;	   /* looks at a living process are wanted: see dump_look.h */
	size_t ring_bytes; /* of one ring, a power of two; 0 for the default */
	unsigned filter;   /* enum bd_filter */
	const char *comms[BD_TARGET_COMMS];
	unsigned ncomms;
	uint64_t cgroup_id;
	int cgroup_ssid; /* -1 for cgroup v2 */
};

/* Where the records go. */
struct collector_sink {
	void *arg;
	void (*record)(void *arg, const struct bd_head *record, size_t bytes);
	void (*task)(void *arg, const struct bd_task *task, const struct bd_waits *waits,
		     const struct bd_chunk *chunk, enum collector_edge edge);
	void (*blocker)(void *arg, const struct bd_blocker_key *key, const struct bd_blocker *value);
};

/* What the programs counted, summed over the CPUs, and what the clock says they should have. */
struct collector_totals {
	uint64_t due;	   /* enabled time x rate of each CPU, or, for cycles, what fired */
	uint64_t fired;	   /* times that the sampling program ran */
	uint64_t idle, filtered, sent;
	uint64_t switches, idle_ns, busy_ns;
	uint64_t sample_ns, switch_ns; /* own time of the programs */
	uint64_t loss[BD_LOSSES];
	uint64_t map_bytes;
	unsigned cpus;
	uint64_t excluded_ns; /* that the scheduler's task clock left out: steal, interrupts */
	uint64_t capacity_ns; /* CPUs x duration; less where one went offline */
};

/* libbpf's own words go to standard error only where BACKDRAFT_LIBBPF is set: errors are one line. */
void collector_quiet(void);

int collector_new(struct collector **ret, const struct collector_options *options,
		  const struct collector_sink *sink, char error[COLLECTOR_ERROR]);
void collector_free(struct collector *c);

/*
 * Makes the process with this number in the tool's own /proc a target; *ret is one of its threads.
 * -ESRCH if there is none.
 */
int collector_add_target(struct collector *c, uint32_t ns_tgid, struct bd_task *ret);

int collector_attach(struct collector *c, char error[COLLECTOR_ERROR]);
/* Opens the window: sums are read (sink.task with begin), then the samples are let go. */
int collector_begin(struct collector *c, char error[COLLECTOR_ERROR]);
/*
 * Waits up to `timeout_ms` and drains the rings. Number of records, or -errno. The only function that
 * another thread may be in meanwhile.
 */
int collector_poll(struct collector *c, int timeout_ms);
/* Looks for CPUs that have come or gone. */
void collector_refresh(struct collector *c);
/* Closes the window: no more samples, sums are read again, rings and tables drained. */
int collector_end(struct collector *c, char error[COLLECTOR_ERROR]);

/* While it watches: reads the sums (sink.task). 0 or -errno. */
int collector_look(struct collector *c, char error[COLLECTOR_ERROR]);
/* Hooks the context switch, samples at `rate_hz`, and reads the sums; burst_end takes it back. */
int collector_burst_begin(struct collector *c, unsigned rate_hz, char error[COLLECTOR_ERROR]);
int collector_burst_end(struct collector *c, unsigned rate_hz, char error[COLLECTOR_ERROR]);
/* From now on samples come at this rate. 0 or -errno. */
int collector_set_rate(struct collector *c, unsigned rate_hz);
/* Readable when a poll has something to do. */
int collector_poll_fd(const struct collector *c);

/* Own time of the programs so far; costs next to nothing. */
uint64_t collector_bpf_ns(const struct collector *c);
int collector_totals(struct collector *c, struct collector_totals *ret);

/* The maps that the walk lives on, for unwind_maps_new(). */
void collector_unwind_maps(const struct collector *c, struct unwind_map_fds *ret);

/* And those that say whose deaths are looked at, for crash_watch_new(). */
void collector_crash_maps(const struct collector *c, struct crash_map_fds *ret);

/* The program of a look and the map that it fills, for dump_look_new(). */
const struct bpf_program *collector_dump_program(const struct collector *c, int *ret_area);

/* CLOCK_MONOTONIC ns of the window's edges; 0 before. */
uint64_t collector_start_ns(const struct collector *c);
uint64_t collector_end_ns(const struct collector *c);
/* "cycles" or "cpu-clock". */
const char *collector_event(const struct collector *c);

#endif
