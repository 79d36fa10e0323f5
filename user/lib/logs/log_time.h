/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a line of a log was written, by what it says itself. Known are, in the first 64 bytes (in
 * brackets 256), each with or without a fraction and a zone where the form has one:
 *
 *   2026-11-25T17:21:00.123Z, 2026/11/25 17:21:00,123 +0100     ISO 8601, RFC 3339 and 5424, log4j, Go
 *   25/Nov/2026:17:21:00 +0000, 25 Nov 2026 17:21:00.123        Apache, nginx; Redis, mail, Tomcat
 *   Nov 25 17:21:00, Wed Nov 25 17:21:00.123 2026               syslog; Apache's errors, ctime
 *   I1125 17:21:00.123456                                       klog, glog
 *   1795627260.123, 1795627260123                               s, ms, us or ns, at the line's begin
 *   17:21:00.123                                                at the line's begin
 *
 * and in a line of JSON the value of ts, time, timestamp, @timestamp and the like: any of these.
 */
#ifndef BD_LOG_TIME_H
#define BD_LOG_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_ZONE_PARTS 6

/* Local time minus UTC, in seconds: each holds from its moment (UTC) to the next one's, the first
 * also before. `n` 0 is UTC. */
struct log_zone {
	uint64_t n;
	struct log_zone_part {
		int64_t from_s, offset_s;
	} part[LOG_ZONE_PARTS];
};

struct log_clock {
	struct log_zone zone; /* of times that name none */
	int64_t now_ns;	      /* since the epoch; what a time without a year or a day is near to */
	int64_t last_ns;      /* of the line before, or 0: tells an hour that comes twice */
};

/* ns since the epoch. False: it has no time, or one that is more than a day ahead of now. */
bool log_time_find(const char *line, size_t len, const struct log_clock *clock, int64_t *ret_ns);

#endif
