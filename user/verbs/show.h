/* SPDX-License-Identifier: BSD-2-Clause */
/* The summary on a terminal, or in a file. */
#ifndef BD_SHOW_H
#define BD_SHOW_H

#include "user/lib/profile/report.h"

/*
 * Writes the summary to a descriptor: as wide as the terminal, in colour where it is one and
 * NO_COLOR is not set, 80 columns elsewhere; of the log the last lines, or all. Exit status; says what
 * is wrong.
 */
int show_summary(const struct report *r, int fd, bool all_logs);

#endif
