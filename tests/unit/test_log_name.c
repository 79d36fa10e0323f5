// SPDX-License-Identifier: BSD-2-Clause
/* Names of logs, as lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/lib/logs/log_name.h"

static const struct {
	const char *pattern, *name;
	bool matches, rotated;
} names[] = {
	{"app.log", "app.log", true, false},
	{"app.log", "app.lo", false, false},
	{"app.log", "app.logs", false, false},
	{"app.log", "xapp.log", false, false},
	{"*.log", "app.log", true, false},
	{"*.log", ".log", false, false},
	{".*", ".log", true, false},
	{"*", "app.log", true, false},
	{"*", ".hidden", false, false},
	{"app-?.log", "app-1.log", true, false},
	{"app-?.log", "app-.log", false, false},
	{"a*b*c", "axxbyybzzc", true, false},
	{"a*b*c", "axxbyybzz", false, false},
	{"**", "x", true, false},
	/* Brackets are themselves. */
	{"app[1].log", "app[1].log", true, false},
	{"app[1].log", "app1.log", false, false},
	/* what rotation makes */
	{"app.log", "app.log.1", false, true},
	{"app.log", "app.log.1.gz", false, true},
	{"app.log", "app.log.gz", false, true},
	{"app.log", "app.log.old", false, true},
	{"app.log", "app.log~", false, true},
	{"app.log", "app.log-20261125", false, true},
	{"app.log", "app.log-20261125.xz", false, true},
	{"app.log", "app.log.2026-11-25-17", false, true},
	{"app.log", "app.log.2026-11-25T17:00:00Z", false, true},
	{"app.log", "app-2026-11-25.log", false, true},
	{"app.log", "app.1.log", false, true},
	{"app.log", "app_20261125_172100.log", false, true},
	{"app.log", "app-20261125.log.gz", false, true},
	{"app", "app.1", false, true},
	{"*.log", "app.log.1", false, true},
	{"*.log", "app.log.2.zst", false, true},
	{"app-*.log", "app-eu.log.1", false, true},
	{"*", "app.log.1", true, true},
	/* another program's */
	{"app.log", "app-worker.log", false, false},
	{"app.log", "app.log.offset", false, false},
	{"app.log", "app.log.d", false, false},
	{"app.log", "app.log.", false, false},
	{"app.log", "app.log--", false, false},
	{"app.log", "application.log.1", false, false},
	{"app.log", "app1.log", false, false},
	{"app.log", "app.error.log.1", false, false},
	{"app.log", "1", false, false},
	{"app.log", "", false, false},
	{"", "", true, false},
};

static void names_of_logs(void **state)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		bool matches = log_name_matches(names[i].pattern, names[i].name);
		bool rotated = log_name_rotated(names[i].pattern, names[i].name);

		if (matches != names[i].matches || rotated != names[i].rotated)
			fail_msg("%s of %s: matches %d, rotated %d", names[i].name,
				 names[i].pattern, matches, rotated);
	}
}

/* Backtracking stays polynomial, and long names are no harm. */
static void hostile_names(void **state)
{
	char pattern[2001], name[4001];

	for (size_t i = 0; i < 1000; i++)
		memcpy(pattern + 2 * i, "*a", 2);
	pattern[2000] = '\0';
	memset(name, 'a', 4000);
	name[3999] = 'b';
	name[4000] = '\0';
	assert_false(log_name_matches(pattern, name));
	assert_false(log_name_rotated(pattern, name));
	memset(name, '.', 4000);
	assert_false(log_name_rotated("*.log", name));
	assert_true(log_name_compressed("a.gz"));
	assert_false(log_name_compressed(".gz"));
	assert_true(log_name_is_pattern("a?"));
	assert_false(log_name_is_pattern("a[b]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_logs),
		cmocka_unit_test(hostile_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
