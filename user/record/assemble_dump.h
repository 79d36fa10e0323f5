/* SPDX-License-Identifier: BSD-2-Clause */
/* From a death to the report's `dump` and `death`. */
#ifndef BD_ASSEMBLE_DUMP_H
#define BD_ASSEMBLE_DUMP_H

#include "user/record/assemble_stacks.h"

/*
 * Fills both from `c`, whose threads' stacks become rows of the tree. `shift_ns` makes a time since
 * the epoch of a monotonic one. 0 or -errno.
 */
int assemble_dump(struct assemble_tree *tree, const struct crash *c, int64_t shift_ns);

#endif
