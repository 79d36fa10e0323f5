/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of a view, with what they use themselves and with all that they call. */
#ifndef BD_FUNCTIONS_H
#define BD_FUNCTIONS_H

#include "user/lib/view/view.h"

struct function {
	uint32_t label;	      /* of the view */
	uint64_t self, total; /* total: of a function that calls itself, each path counts once */
};

/*
 * Frames and marks that have a value, those with the most self first; the caller frees the array.
 * 0 or -ENOMEM.
 */
int functions_of(const struct view *v, struct function **ret, size_t *ret_n);
/* Sorts by total, or by self. */
void functions_sort(struct function *f, size_t n, bool by_total);

#endif
