/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User space's half of the walk: builds tables when they are first needed, walks what the kernel
 * could not walk yet, and tells the kernel the mappings of the processes that are sampled.
 */
#ifndef BD_UNWINDER_H
#define BD_UNWINDER_H

#include <stddef.h>
#include <stdint.h>
#include "bpf/abi.h"
#include "user/record/process_table.h"
#include "user/record/unwind_maps.h"

struct unwinder;

struct unwinder_counts {
	uint64_t late;	    /* stacks walked here */
	uint64_t checked;   /* stacks walked on both sides, */
	uint64_t disagreed; /* and of these, with different frames */
	uint64_t tables, table_bytes;
	uint64_t dropped;     /* tables, since nobody mapped the file any more */
	uint64_t unpublished; /* processes for which the kernel's side had no room */
};

/* `processes` outlives it. 0 or -errno. */
int unwinder_new(struct unwinder **ret, const struct unwind_map_fds *fds,
		 struct process_table *processes);
void unwinder_free(struct unwinder *u);

/* The stack that is copied in a late sample, which has to outlive it. */
struct unwind_memory unwinder_copy(const struct bd_late *late);
/*
 * Walks a late sample of process `pid` over a copy of its stack, in the order of time, and publishes
 * the process. Of `late` itself only the head is read. Fills ret->n, end and frames (as the kernel's
 * side does) and its hash. 0 or -errno.
 */
int unwinder_walk(struct unwinder *u, const struct bd_late *late,
		  const struct unwind_memory *copy, uint32_t pid, struct bd_stack *ret);
/*
 * Of a thread that died where no code is: the head with its call there undone, so that the walk
 * begins with the caller. NULL: it was in code, or there is no caller; the caller's to free.
 */
struct bd_late *unwinder_jump(struct unwinder *u, const struct bd_late *late,
			      const struct unwind_memory *copy, uint32_t pid);
/*
 * Makes a process known to the kernel that runs a program since its exec `exec_id`. `eager`: with
 * the tables of all that it maps, now and later, so that its first sample finds them.
 */
void unwinder_know(struct unwinder *u, uint32_t pid, uint32_t tgid, uint32_t exec_id, bool eager);
/* Compares a self-check's walk with the kernel's stack of the same sample. */
void unwinder_check(struct unwinder *u, const struct bd_stack *ours, const uint64_t *frames,
		    uint32_t n);
/* A process is gone. */
void unwinder_forget(struct unwinder *u, uint32_t pid);
/* Processes whose mappings have changed are told to the kernel again. */
void unwinder_refresh(struct unwinder *u);
void unwinder_counts(const struct unwinder *u, struct unwinder_counts *ret);

#endif
