/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of the summary that shows what each thread of the client ran, second by second. */
#ifndef BD_SUMMARY_SECONDS_H
#define BD_SUMMARY_SECONDS_H

#include "user/lib/base/out.h"
#include "user/lib/profile/report.h"

/* A line a thread, the busiest ones; nothing where the report doesn't say. 0 or -ENOMEM. */
int summary_seconds(const struct report *r, unsigned int columns, struct out *out);

#endif
