/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The maps that the walk in BPF lives on, written through shared memory: while a CPU is inside a
 * map's system call the kernel gives it no samples. Tables and rules are read there by the late
 * walk as well, so that they are in memory once.
 */
#ifndef BD_UNWIND_MAPS_H
#define BD_UNWIND_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bpf/abi.h"
#include "bpf/unwind_abi.h"

struct unwind_maps;

struct unwind_map_fds {
	int tables, rules, processes, mappings;
	uint32_t nprocesses, nchunks; /* how many there is room for; the first a power of two */
};

int unwind_maps_new(struct unwind_maps **ret, const struct unwind_map_fds *fds);
void unwind_maps_free(struct unwind_maps *m);

/* The shared rules as the kernel sees them: those that have been set. */
const struct unwind_rule *unwind_maps_rules(const struct unwind_maps *m);
/* Those of `all` from `first` on, `until` not included; at most 65,536. 0 or -errno. */
int unwind_maps_set_rules(struct unwind_maps *m, const struct unwind_rule *all, uint32_t first,
			  uint32_t until);

/*
 * Gives the module `count` values of table, which are copied, or the copy that another module has
 * of the very same ones. *ret_values is the copy that both sides read; it lives until the module's table is dropped. The kernel's side sees it after the next
 * flush. 0 or -errno.
 */
int unwind_maps_set_table(struct unwind_maps *m, uint32_t module, const struct unwind_value *values,
			  uint32_t count, const struct unwind_value **ret_values);
/*
 * Each call waits for the kernel's readers of what it replaces, some 10 ms; the tables are in use
 * before that. So: publish whoever needs them, then flush. 0 or -errno.
 */
int unwind_maps_flush(struct unwind_maps *m);
/* The kernel's side gives the memory back at the next flush. */
void unwind_maps_drop_table(struct unwind_maps *m, uint32_t module);
uint64_t unwind_maps_bytes(const struct unwind_maps *m);

/*
 * Tells the kernel a process's mappings, sorted and disjoint, in place of what it had. -ENOSPC:
 * there is no room for it; its stacks go on being walked in user space.
 */
int unwind_maps_publish(struct unwind_maps *m, uint32_t tgid, uint32_t exec_id,
			const struct bd_mapping *mappings, size_t n, bool certain);
void unwind_maps_forget(struct unwind_maps *m, uint32_t tgid);

#endif
