/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads of a window: who they are, the scheduler's sums at its edges, their time line, the
 * distribution of their waits. A thread is its number and its start, since numbers are used again.
 */
#ifndef BD_THREAD_TABLE_H
#define BD_THREAD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bpf/abi.h"
#include "user/record/collector.h"
#include "user/lib/base/idmap.h"

#define THREAD_MARKS 12 /* of a thread, the last ones */
#define THREAD_NOW UINT64_MAX /* in place of a mark's number */

struct thread_slot {
	uint32_t slot; /* of BD_SLOT_NS of CLOCK_MONOTONIC, since the table's origin */
	uint32_t on_cpu_ns, wait_ns;
};

struct thread {
	struct bd_thread id;
	uint32_t ns_tid, ns_tgid;
	char name[BD_COMM], process[BD_COMM];
	struct bd_sums base, end;
	uint64_t step_ns, step_on_cpu_ns, step_wait_ns; /* between the last two looks */
	bool has_base, has_end, final, target, exited, kernel;
	bool estimated; /* `end` isn't the scheduler's */
	uint32_t exec_id; /* when the window began */
	uint32_t row; /* in the report, or IDMAP_NONE */
	uint64_t client; /* whose it is, as the caller of thread_table_own() calls it; 0: nobody's */
	uint32_t samples;
	uint64_t seen_ns; /* when it was last heard of */
	uint64_t exited_ns; /* when it said that it ends, or 0 */
	uint64_t first_mark, last_mark;
	struct bd_sums *marks; /* number n is at n % THREAD_MARKS; NULL: none yet */
	uint64_t exit_stack; /* hash of the user stack that it exits with, or 0 */
	uint64_t exec_stack; /* and of that with which it last gave up a program, */
	uint32_t left_exec_id; /* its number */
	uint64_t waits[BD_WAIT_BUCKETS];
	size_t nslots, cap_slots;
	struct thread_slot *slots; /* in the order in which they came */
};

struct thread_table {
	size_t n, cap;
	struct thread *threads;
	struct idmap by_id;
	struct idmap by_tid; /* the newest thread of a number */
	uint64_t origin_slot;
	uint64_t window_ns; /* CLOCK_MONOTONIC: what threads did before isn't counted; 0 without a begin */
};

void thread_table_release(struct thread_table *t);
/* The thread, made when new; NULL without memory. The pointer lives until the next new one. */
struct thread *thread_table_get(struct thread_table *t, const struct bd_thread *id);
struct thread *thread_table_by_tid(struct thread_table *t, uint32_t tid);
/* Says whose a thread is, if it is known. */
void thread_table_own(struct thread_table *t, const struct bd_thread *id, uint64_t client);

/* Its numbers in the tool's own /proc; 0 changes nothing. */
void thread_table_names(struct thread *thread, uint32_t ns_tid, uint32_t ns_tgid);
/* A living thread at an edge of the window. */
int thread_table_edge(struct thread_table *t, const struct bd_task *task,
		      const struct bd_waits *waits, const struct bd_chunk *chunk,
		      enum collector_edge edge);
int thread_table_exit(struct thread_table *t, const struct bd_exit *event);
int thread_table_free(struct thread_table *t, const struct bd_free *event);
int thread_table_waits(struct thread_table *t, const struct bd_waits *event);
int thread_table_chunk(struct thread_table *t, const struct bd_thread *id,
		       const struct bd_chunk *chunk);
/* A run that ended at `until_ns`, after a wait. */
int thread_table_span(struct thread_table *t, const struct bd_thread *id, uint64_t until_ns,
		      uint64_t run_ns, uint64_t wait_ns);
/* Sorts each thread's slots and makes one of those of the same time. */
void thread_table_sort_slots(struct thread_table *t);
/* end - base, never below 0. */
struct bd_sums thread_sums(const struct thread *thread);

/* --- a recording without an end: sums are kept at marks, which have rising numbers from 1 on */
/* Keeps what the last look found of each thread that lives, as mark `number`. 0 or -ENOMEM. */
int thread_table_mark(struct thread_table *t, uint64_t number);
/* The sums at a mark that was made at `at_ns`, or the newest ones (THREAD_NOW). */
struct bd_sums thread_sums_at(const struct thread *thread, uint64_t number, uint64_t at_ns);
/*
 * Drops the threads that were last heard of before `oldest_ns`. moved[i] gets the new place of
 * thread i, or IDMAP_NONE; it has room for all. 0, or -ENOMEM and nothing has changed.
 */
int thread_table_trim(struct thread_table *t, uint64_t oldest_ns, uint32_t *moved);
/* Forgets time lines and waits: another burst begins at `origin_slot`. */
void thread_table_new_burst(struct thread_table *t, uint64_t origin_slot);
size_t thread_table_bytes(const struct thread_table *t);

#endif
