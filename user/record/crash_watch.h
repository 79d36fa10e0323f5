/* SPDX-License-Identifier: BSD-2-Clause */
/* Which processes' deaths the kernel's side looks at, and which exit statuses count as crashes. */
#ifndef BD_CRASH_WATCH_H
#define BD_CRASH_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include "bpf/abi.h"

struct crash_watch;

struct crash_map_fds {
	int watch, statuses;
};

int crash_watch_new(struct crash_watch **ret, const struct crash_map_fds *fds);
void crash_watch_free(struct crash_watch *w);

/* The statuses of a section of the configuration: bit n % 64 of bits[n / 64]. 0 or -errno. */
int crash_watch_statuses(struct crash_watch *w, uint32_t section, const uint64_t bits[4]);

/*
 * All that are to be looked at are added between begin and end; what isn't is forgotten. Only what
 * has changed is told to the kernel.
 */
void crash_watch_begin(struct crash_watch *w);
void crash_watch_add(struct crash_watch *w, uint32_t tgid, enum bd_crash_mode mode,
		     uint32_t section);
void crash_watch_end(struct crash_watch *w);
/* Have the unwind tables of the program that it runs since that exec been made? */
bool crash_watch_is_ready(const struct crash_watch *w, uint32_t tgid, uint32_t exec_id);
void crash_watch_set_ready(struct crash_watch *w, uint32_t tgid, uint32_t exec_id);
/* Processes for which there was no room. */
uint64_t crash_watch_left_out(const struct crash_watch *w);

#endif
