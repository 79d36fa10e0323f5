/* SPDX-License-Identifier: BSD-2-Clause */
/* A diff as people and other tools read it. All return 0 or the error of `out`, or -ENOMEM. */
#ifndef BD_DIFF_WRITE_H
#define BD_DIFF_WRITE_H

#include "user/lib/view/diff.h"
#include "user/lib/base/out.h"

struct diff_text_options {
	unsigned int columns; /* width to keep to; 0 is 80, and at least 60 */
	unsigned int rows;    /* of each table; 0 is 12 */
	bool colour;
};

/* Tables: functions by their own time and with what they call, and threads; what is noise has a ~.
 */
int diff_write_text(const struct diff *d, const struct diff_text_options *options, struct out *out);
/* "process;thread;frame;…;frame A B\n", B scaled: what flamegraph.pl takes as a differential. */
int diff_write_folded(const struct diff *d, struct out *out);
/* A static flame graph: red is hotter in B, blue colder, grey noise; a width is the mean of both.
 */
int diff_write_svg(const struct diff *d, struct out *out);
/*
 * The page of `export -f html`, with the same colours, tables of changes, and no time line. It turns
 * stacks round itself: the diff is to be made without `reverse`, and REVERSE is what is seen first.
 */
int diff_write_html(const struct diff *d, bool reverse, struct out *out);

/*
 * How much of the larger value the change is, in steps: -5 (it is gone, or nearly) to 5 (it is
 * new); 0 is noise. Steps begin at 0, 10, 25, 50 and 75 %.
 */
int diff_step(const struct diff *d, uint32_t node);
/* "83.0 ms on a CPU", "12 samples", … */
#define DIFF_VALUE_BYTES 64
const char *diff_value(const struct diff *d, uint64_t value, char ret[DIFF_VALUE_BYTES]);
/* "1.38×", "new", "gone" or "". */
const char *diff_factor(uint64_t a, uint64_t b, char ret[DIFF_VALUE_BYTES]);

#endif
