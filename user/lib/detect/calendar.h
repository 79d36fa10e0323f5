/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hour of the week in local time, for a clock that is handed in.
 *
 * Local time is the process's (TZ or /etc/localtime, through localtime_r). The offset from UTC is
 * asked once per quarter of an hour, since no zone changes its offset in between.
 */
#ifndef BD_CALENDAR_H
#define BD_CALENDAR_H

#include <stdint.h>

#define CALENDAR_HOURS 168 /* Monday 00:00 is 0 */

struct calendar {
	int64_t quarter;  /* the quarter of an hour that `offset_s` belongs to */
	int32_t offset_s; /* local time - UTC */
	int32_t known;
};

struct calendar_hour {
	int64_t hour;  /* local hours since 1970-01-01 00:00; runs backwards for an hour when DST
			  ends */
	int64_t day;   /* local days since 1970-01-01 */
	int week_hour; /* 0 to 167 */
};

/* A zeroed struct calendar is ready. T_S is seconds since the epoch, UTC. */
struct calendar_hour calendar_at(struct calendar *calendar, int64_t t_s);

/* "Sat 21:00" into TEXT (10 bytes are enough). */
void calendar_name(int week_hour, char text[10]);

#endif
