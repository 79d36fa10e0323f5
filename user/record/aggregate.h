/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From records to a profile: takes what the collector and the side-band hand out, puts it in the
 * order of time, and keeps threads, processes, stacks and samples until a report is made of them.
 */
#ifndef BD_AGGREGATE_H
#define BD_AGGREGATE_H

#include "user/record/collector.h"
#include "user/record/crash.h"
#include "user/record/event_queue.h"
#include "user/record/process_table.h"
#include "user/record/sideband.h"
#include "user/record/stack_table.h"
#include "user/record/thread_table.h"
#include "user/record/unwinder.h"

struct aggregate_sample {
	uint64_t t_ns;
	uint32_t thread; /* index into threads */
	uint32_t kernel, user; /* indexes into stacks, or IDMAP_NONE */
	uint32_t cpu;
	uint16_t user_end; /* enum unwind_reason: why there is no user stack, or 0 */
	bool user_lost;	   /* it had a stack, which never came */
};

/* Drops that are seen only here. */
enum aggregate_loss {
	AGGREGATE_STACK_UNKNOWN, /* a sample refers to a stack that never came */
	AGGREGATE_SIDEBAND,	 /* mapping records that found no room */
	AGGREGATE_ENDS, /* threads whose exact sum was lost: at least what their samples show */
	AGGREGATE_QUEUE, /* records that waited for too long, in too much memory */
	AGGREGATE_MEMORY,
	AGGREGATE_BLOCKERS, /* pairs of who waited and who had the CPU, more than are kept */
	AGGREGATE_CRASHES, /* that came at once with too many others */
	AGGREGATE_LOSSES
};
extern const char *const aggregate_loss_names[AGGREGATE_LOSSES];

/* Who else wants to know: those that end, and those that the iterator sees. Any may be NULL. */
struct aggregate_tap {
	void *arg;
	void (*task)(void *arg, const struct bd_task *task);
	void (*forked)(void *arg, uint32_t ns_tgid, uint32_t ns_parent);
	void (*exited)(void *arg, const struct bd_exit *event);
	void (*freed)(void *arg, const struct bd_free *event);
	void (*killed)(void *arg, const struct bd_kill *event);
};

struct aggregate {
	struct aggregate_tap tap;
	struct event_queue *queue;
	struct unwinder *unwinder; /* not owned; may be NULL */
	struct thread_table threads;
	struct process_table processes;
	struct stack_table stacks;
	size_t nsamples, cap_samples;
	struct aggregate_sample *samples;
	size_t nblockers, cap_blockers;
	struct idmap by_blocker;
	struct aggregate_blocker {
		struct bd_blocker_key key;
		struct bd_blocker value;
	} *blockers;
	struct crash_table crashes;
	bool eager; /* the processes were named: what they map is made ready at once */
	uint64_t loss[AGGREGATE_LOSSES];
	uint64_t end_ns; /* threads that begin later are none of ours; 0: not over */
};

int aggregate_init(struct aggregate *a, struct reader *reader);
void aggregate_release(struct aggregate *a);

/* A sink for the collector that feeds this aggregate. */
struct collector_sink aggregate_sink(struct aggregate *a);
/* A sideband_fn; `arg` is the aggregate. */
void aggregate_sideband(void *arg, const struct sideband_event *event);
/* Works off what happened up to then. */
void aggregate_run(struct aggregate *a, uint64_t until_ns);

/* --- a recording without an end */
/*
 * Forgets samples older than `oldest_ns`, and the stacks, threads and processes that only they had.
 * `now_ns` is the newest time that has been worked off. 0, or -ENOMEM and nothing is lost.
 */
int aggregate_trim(struct aggregate *a, uint64_t oldest_ns, uint64_t now_ns);
/* What a burst left: time lines, waits, who had the CPU. Another begins at `origin_slot`. */
void aggregate_new_burst(struct aggregate *a, uint64_t origin_slot);
/* Memory of all that trimming can make smaller. */
size_t aggregate_bytes(const struct aggregate *a);

#endif
