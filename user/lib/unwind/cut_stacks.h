/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose stacks could not be walked to their root, and why. */
#ifndef BD_CUT_STACKS_H
#define BD_CUT_STACKS_H

#include "user/lib/profile/report.h"

struct cut_stacks {
	uint32_t process; /* its name, a REF */
	uint32_t pid;
	uint64_t samples, cut; /* with a user stack; of these cut short */
	const char *reason;    /* the most frequent one, in the report's text: "[unwind: …]" */
	uint32_t others;       /* further processes over the limit */
};

/* More than this share of a process's user samples is worth a warning, from so many on that they are
 * seen in the picture: a share of all user samples, in 1/1000. */
#define CUT_STACKS_PERCENT 2
#define CUT_STACKS_LEAST 5
#define CUT_STACKS_SEEN 5

/*
 * The process over the limit with the most cut samples; of a client's report only its own. 1 and `ret`, 0 where there is none, or
 * -ENOMEM.
 */
int cut_stacks_worst(const struct report *r, struct cut_stacks *ret);
/* What to do about a reason, one line. */
const char *cut_stacks_remedy(const char *reason);

#endif
