// SPDX-License-Identifier: BSD-2-Clause
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "user/lib/detect/calendar.h"

static const struct {
	const char *zone;
	int64_t t_s;
	int week_hour;
} cases[] = {
	{"UTC", 0, 3 * 24},			      /* a Thursday */
	{"UTC", -1, 2 * 24 + 23},		      /* Wednesday 23:59:59 */
	{"UTC", 1767571200, 0},			      /* Mon 2026-01-05 00:00 */
	{"UTC", 1767571199, 167},		      /* the second before */
	{"Europe/Stockholm", 1767571200, 1},	      /* an hour ahead */
	{"Europe/Stockholm", 1774745999, 6 * 24 + 1}, /* Sun 2026-03-29 01:59:59 */
	{"Europe/Stockholm", 1774746000, 6 * 24 + 3}, /* 03:00: there is no 02:00 */
	{"Europe/Stockholm", 1792889999, 6 * 24 + 2}, /* Sun 2026-10-25 02:59:59 */
	{"Europe/Stockholm", 1792890000, 6 * 24 + 2}, /* 02:00 again */
	{"Europe/Stockholm", 1792893600, 6 * 24 + 3},
	{"Asia/Kathmandu", 1767571200, 5},	       /* +05:45 */
	{"America/St_Johns", 1767571200, 6 * 24 + 20}, /* -03:30 */
};

static void test_hours(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct calendar calendar = {0};

		setenv("TZ", cases[i].zone, 1);
		tzset();
		if (calendar_at(&calendar, cases[i].t_s).week_hour != cases[i].week_hour)
			fail_msg("%s %lld: hour %d of the week, not %d", cases[i].zone,
				 (long long)cases[i].t_s,
				 calendar_at(&calendar, cases[i].t_s).week_hour,
				 cases[i].week_hour);
	}
}

/* One calendar over both changes of a year is what localtime_r() says at each minute. */
static void test_year(void **state)
{
	struct calendar calendar = {0};
	int64_t t;

	setenv("TZ", "Europe/Stockholm", 1);
	tzset();
	for (t = 1767225600; t < 1767225600 + 366 * 86400; t += 420) {
		struct calendar_hour now = calendar_at(&calendar, t);
		time_t tt = t;
		struct tm tm;

		localtime_r(&tt, &tm);
		assert_int_equal(now.week_hour, (tm.tm_wday + 6) % 7 * 24 + tm.tm_hour);
		assert_int_equal(now.day, now.hour / 24);
		assert_int_equal(now.hour % 24, tm.tm_hour);
	}
}

static void test_name(void **state)
{
	char text[10];

	calendar_name(5 * 24 + 21, text);
	assert_string_equal(text, "Sat 21:00");
	calendar_name(0, text);
	assert_string_equal(text, "Mon 00:00");
	calendar_name(167, text);
	assert_string_equal(text, "Sun 23:00");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hours),
		cmocka_unit_test(test_year),
		cmocka_unit_test(test_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
