/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deaths of processes, put together from what their threads left: a crash is open from its first
 * record until all its threads have come by, or the process is gone, or it has been long enough.
 * Stacks are hashes, which whoever feeds it resolves.
 */
#ifndef BD_CRASH_H
#define BD_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bpf/abi.h"
#include "user/lib/base/idmap.h"
#include "user/lib/unwind/unwind_walk.h"

#define CRASHES_OPEN 256 /* at once; further ones are counted */
#define CRASHES_DONE 256 /* that wait to be taken */
#define CRASH_WAIT_NS 2000000000ULL

struct crash_thread {
	struct bd_thread id;
	uint32_t ns_tid;
	bool came;	/* its last words are here */
	bool copied;	/* its stack is walked here, from a copy that hasn't come yet */
	bool left_out;	/* of too many copies, or the ring was full */
	uint64_t t_ns;	/* when it came by */
	uint64_t stack; /* hash, or 0 */
	uint32_t end;	/* enum unwind_reason */
	uint32_t state; /* enum bd_task_state, when the first one died */
	int32_t call;	/* number of the system call that it was in, or BD_NO_CALL */
	uint32_t walk_ns;
	char name[BD_COMM];
};

struct crash {
	struct bd_crash first;
	size_t n, cap;
	struct crash_thread *threads; /* as they came */
	size_t first_at; /* the one that died first, or that made the process exit */
	struct idmap by_tid;
	size_t ncame, ncopied;
	bool states; /* the kernel told the threads' states */
	bool jumped; /* the first thread was not in code */
	bool oom;
	uint64_t gone_ns; /* when its process said that it ends, or 0 */
	uint64_t signature; /* by addresses in files: see aggregate_crash.c */
	struct { /* of the first thread's stack, while its parts come */
		struct bd_late *head;
		char *data;
		size_t bytes;
		uint32_t parts;
	} copy;
};

struct crash_table {
	size_t nopen, ndone;
	struct crash *open[CRASHES_OPEN], *done[CRASHES_DONE];
	struct {
		uint32_t tgid, tid;
	} ooms[16]; /* the last victims: a ring */
	size_t nooms;
	uint64_t lost; /* crashes for which there was no room */
};

void crash_table_release(struct crash_table *t);
void crash_free(struct crash *c);
/* The thread, made when new; NULL without memory. The pointer lives until the next new one. */
struct crash_thread *crash_thread_get(struct crash *c, const struct bd_thread *id);

/* What came, in the order of time. 0 or -ENOMEM. */
int crash_table_begin(struct crash_table *t, const struct bd_crash *event);
int crash_table_states(struct crash_table *t, const struct bd_crash_states *event, size_t n);
int crash_table_thread(struct crash_table *t, const struct bd_crash_thread *event);
/*
 * A copy of a thread's stack, which is `copy`: if it is one of several parts, `copy` becomes all
 * that have come. The registers that belong to it, or NULL where an earlier part is missing; both
 * live until the next call.
 */
const struct bd_late *crash_table_copy(struct crash_table *t, const struct bd_late *late,
				       struct unwind_memory *copy);
/* The stack of a thread that was copied. */
int crash_table_stack(struct crash_table *t, const struct bd_thread *thread, uint64_t stack,
		      uint32_t end, bool jumped);
void crash_table_oom(struct crash_table *t, const struct bd_oom *event);
void crash_table_gone(struct crash_table *t, uint32_t tgid, uint64_t t_ns);

/*
 * Closes what is complete at `now_ns`, or all of it (UINT64_MAX); `closed` is told of each before
 * it can be taken.
 */
void crash_table_run(struct crash_table *t, uint64_t now_ns,
		     void (*closed)(void *arg, struct crash *c), void *arg);
/* The oldest one that is complete, which is the caller's then; NULL: none. */
struct crash *crash_table_take(struct crash_table *t);

#endif
