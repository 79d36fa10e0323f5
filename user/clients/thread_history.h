/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the threads of each client ran in each of the last seconds, exactly: for the reports. Rows only
 * for threads that ran; of a client the busiest in each second, the others as one sum. In bounded
 * memory: where that isn't enough it reaches back less far, which is counted.
 */
#ifndef BD_THREAD_HISTORY_H
#define BD_THREAD_HISTORY_H

#include "user/clients/clients.h"
#include "user/lib/profile/report.h"

#define THREAD_HISTORY_BUSIEST 64 /* threads of a client in a second */
#define THREAD_HISTORY_ROWS 32768 /* of all clients together: 1.3 MB */

struct thread_history_row {
	uint64_t client; /* thread_history_client() */
	uint64_t end_ns; /* CLOCK_MONOTONIC */
	uint64_t start_ns; /* of the thread; 0: a sum */
	uint32_t span_us, tid, threads, on_cpu_us;
};

struct thread_history {
	/* Who hears of each thread that ran, and whose it is; or NULL. */
	void (*heard)(void *arg, const struct bd_thread *id, uint64_t client);
	void *arg;
	uint64_t keep_ns, last_ns; /* how far it goes back; end of the last second */
	uint64_t full_ns;	   /* rows up to here were dropped for want of room; 0: none */
	uint64_t dropped;	   /* and how many */
	size_t first, n, cap;	   /* the rows are those from `first` up to `n` */
	struct thread_history_row *rows;
	size_t n_now, cap_now;
	struct thread_history_row *now; /* of the second that is being taken */
	bool no_memory;
};

/* A hash of a client's name, never 0. */
uint64_t thread_history_client(const char *name);
void thread_history_init(struct thread_history *h, uint64_t keep_ns);
void thread_history_release(struct thread_history *h);
/* Takes what ran since the last time, up to `now_ns`: a second, or less at a crash. 0 or -ENOMEM. */
int thread_history_take(struct thread_history *h, struct clients *c, uint64_t now_ns);
/*
 * Fills thread_seconds of a report whose threads are there, from `from_ns` since the epoch on, which
 * is `ahead_ns` more than CLOCK_MONOTONIC. 0 or -ENOMEM.
 */
int thread_history_report(const struct thread_history *h, const char *client, int64_t from_ns,
			  int64_t ahead_ns, struct report *r);

#endif
