/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The executable mappings of one process, as the kernel's records of mmap tell them. There is no
 * record of an unmap: a new mapping evicts what it overlaps, and cuts what it overlaps in part.
 */
#ifndef BD_MAPPINGS_H
#define BD_MAPPINGS_H

#include <stddef.h>
#include <stdint.h>

struct mapping {
	uint64_t start, end;
	uint64_t offset; /* in the file, of `start` */
	uint32_t file;	 /* the caller's */
};

struct mappings {
	size_t n, cap;
	struct mapping *by_start; /* sorted, none overlaps another */
};

void mappings_release(struct mappings *m);
void mappings_clear(struct mappings *m);
/* 0, -EINVAL for an empty range, -ENOMEM. */
int mappings_add(struct mappings *m, const struct mapping *new);
int mappings_copy(struct mappings *to, const struct mappings *from);
/* The mapping that holds the address, or NULL; it lives until the next change. */
const struct mapping *mappings_find(const struct mappings *m, uint64_t address);

#endif
