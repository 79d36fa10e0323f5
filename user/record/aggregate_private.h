/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of user/aggregate*.c share. */
#ifndef BD_AGGREGATE_PRIVATE_H
#define BD_AGGREGATE_PRIVATE_H

#include <stdlib.h>

#include "user/record/aggregate.h"

/* Counts what there was no memory for. */
void aggregate_note(struct aggregate *a, int err);
/* A stack that is referred to now: its place among the stacks, or IDMAP_NONE. */
uint32_t aggregate_stack(struct aggregate *a, uint64_t hash, uint64_t t_ns);

/* aggregate_crash.c: records of deaths. 0 or -ENOMEM. */
int aggregate_rec_crash(struct aggregate *a, const void *data, size_t bytes);
int aggregate_rec_states(struct aggregate *a, const void *data, size_t bytes);
int aggregate_rec_crash_thread(struct aggregate *a, const void *data, size_t bytes);
int aggregate_rec_oom(struct aggregate *a, const void *data, size_t bytes);
int aggregate_rec_kill(struct aggregate *a, const void *data, size_t bytes);
/* The last thread of a process exits. */
int aggregate_crash_gone(struct aggregate *a, const struct bd_exit *event);
/* The copy of a dying thread's stack. */
void aggregate_crash_late(struct aggregate *a, const struct bd_late *late, uint32_t pid);
void aggregate_crashes_run(struct aggregate *a, uint64_t until_ns);

#endif
