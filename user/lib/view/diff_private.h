/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of diff_build(); see diff.h. */
#ifndef BD_DIFF_PRIVATE_H
#define BD_DIFF_PRIVATE_H

#include "user/lib/view/diff.h"

/* Puts both reports together: d->report, counts, squares, side, scale. As diff_build(). */
int diff_merge(struct diff *d, const struct report *const reports[2],
	       const struct view_options *options, char error[VIEW_ERROR_BYTES]);
/* The values of d->view's nodes, of what the merged report has. 0 or -ENOMEM. */
int diff_fill(struct diff *d);
/* The noise of the nodes. */
void diff_scatter(struct diff *d);

static inline int diff_side_of(const struct diff *d, uint32_t thread)
{
	return d->report.threads.pid[thread] == 2;
}

/* Only time that no sample hit has these labels. */
bool diff_is_idle(const struct view_label *label);

#endif
