/* SPDX-License-Identifier: BSD-2-Clause */
/* The threads of a crash in the terminal. */
#ifndef BD_SUMMARY_DUMP_H
#define BD_SUMMARY_DUMP_H

#include "user/lib/base/out.h"
#include "user/lib/profile/report.h"

/*
 * Writes what happened, the whole stack of the thread that died first, then the others: those with the
 * same stack and state together, the most first. Nothing where the report has no dump. 0 or -ENOMEM;
 * other errors are those of `out`.
 */
int summary_dump(const struct report *r, unsigned int columns, struct out *out);

#endif
