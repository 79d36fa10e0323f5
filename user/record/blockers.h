/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BD_BLOCKERS_H
#define BD_BLOCKERS_H

#include "user/record/collector.h"

/*
 * Hands the sink who had the CPU while others waited for it, and empties that table: what comes
 * meanwhile is in it afterwards. A pair that goes on is handed out again, and adds up. 0 or -errno.
 */
int blockers_take(int fd, const struct collector_sink *sink);

#endif
