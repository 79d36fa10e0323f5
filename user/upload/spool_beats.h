/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Heartbeats that wait: a file a minute in heartbeats/, named by a number that only grows, so that
 * their order does not depend on a clock. For a day and within limits.heartbeats_bytes; the oldest
 * are dropped first, and counted as "heartbeat".
 */
#ifndef BD_SPOOL_BEATS_H
#define BD_SPOOL_BEATS_H

#include "user/lib/profile/heartbeat.h"
#include "user/upload/spool.h"

#define SPOOL_BEATS_SUFFIX ".bdh"

/* 0, or -errno and one line in `error`. */
int spool_beat_write(struct spool *s, const struct heartbeats *h, char error[SPOOL_ERROR]);
uint64_t spool_beats_dropped(const struct spool *s);

#endif
