// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/detect/calendar.h"

#include <stdio.h>
#include <time.h>

#define QUARTER_S 900
#define EPOCH_DAY 3 /* 1970-01-01 was a Thursday */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

struct calendar_hour calendar_at(struct calendar *calendar, int64_t t_s)
{
	int64_t quarter = floor_div(t_s, QUARTER_S), local;
	struct calendar_hour now;

	if (!calendar->known || quarter != calendar->quarter) {
		time_t t = t_s;
		struct tm tm;

		calendar->offset_s = localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
		calendar->quarter = quarter;
		calendar->known = 1;
	}
	local = t_s + calendar->offset_s;
	now.hour = floor_div(local, 3600);
	now.day = floor_div(local, 86400);
	now.week_hour = (((now.day + EPOCH_DAY) % 7 + 7) % 7) * 24 + (int)(now.hour - now.day * 24);
	return now;
}

void calendar_name(int week_hour, char text[10])
{
	static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

	snprintf(text, 10, "%s %02d:00", days[(unsigned)week_hour / 24 % 7],
		 (unsigned)week_hour % 24);
}
