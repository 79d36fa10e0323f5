/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names for locations: fills a report's modules and frames. The kernel's names come from kallsyms,
 * all others from the reader child, which parses what users can write.
 */
#ifndef BD_NAMING_H
#define BD_NAMING_H

#include "user/lib/profile/report.h"
#include "user/record/process_table.h"
#include "user/record/stack_table.h"

/* For each location the rows in frames that it stands for, innermost first. */
struct naming {
	size_t nlocations;
	uint32_t *first, *count; /* by location: a range of rows[] */
	size_t nrows, cap_rows;
	uint32_t *rows;
	struct naming_mark *marks; /* rows of the "[unwind: …]" frames, by name */
	uint64_t unnamed_files;
};

/* Files' names may take `most_ns` in all; 0: the limit of a capture. 0 or -ENOMEM. */
int naming_run(struct naming *n, struct report *r, const struct stack_table *stacks,
	       struct process_table *processes, uint64_t most_ns);
void naming_release(struct naming *n);
/* Row of the frame `[unwind: REASON]`, made when new; -ENOMEM. */
int64_t naming_mark(struct naming *n, struct report *r, const char *reason);

#endif
