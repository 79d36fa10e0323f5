/* SPDX-License-Identifier: BSD-2-Clause */
/* A status as a person on call reads it. Both return the error of `out`. */
#ifndef BD_STATUS_TEXT_H
#define BD_STATUS_TEXT_H

#include <stdbool.h>

#include "user/lib/base/out.h"
#include "user/lib/status/status.h"

struct status_text_options {
	unsigned int columns; /* width to keep to; 0 is 80, and at least 60 */
	unsigned int rows;    /* of a screen, for status_write_top(); 0 is 24, and at least 8 */
	bool colour;
	double now_s; /* seconds since the epoch, to say how long ago something was */
};

/* Everything: how the daemon is, clients by CPU, rules that are not quiet, the last triggers. */
int status_write_plain(const struct status *s, const struct status_text_options *options,
		       struct out *out);
/* At most `rows` lines: the daemon in two of them, clients by CPU, then threads by CPU. */
int status_write_top(const struct status *s, const struct status_text_options *options,
		     struct out *out);

#endif
