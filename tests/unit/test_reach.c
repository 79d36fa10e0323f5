// SPDX-License-Identifier: BSD-2-Clause
/* How far back a report begins, second by second, on machines that are busy, quiet, or both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/lib/detect/reach.h"

#define S 1000000000ULL
#define EDGES 11 /* as the recorder has */
#define RATE 19

static const struct reach reach = { 60 * S, 60 * RATE };

/* Busy CPUs in the first and in the second part of the time, and where a report begins then. */
static const struct {
	const char *name;
	double first, then;
	unsigned seconds, then_seconds;
	unsigned least_s, most_s;
} cases[] = {
	{ "one busy CPU", 1, 1, 600, 0, 60, 71 },
	{ "64 busy CPUs", 64, 64, 600, 0, 60, 71 },
	{ "nothing at all", 0, 0, 1200, 0, 240, 271 },
	{ "a twentieth of a CPU", 0.05, 0, 1200, 0, 240, 271 },
	{ "half a CPU", 0.5, 0, 1200, 0, 120, 151 },
	{ "busy, then quiet", 2, 0.01, 600, 45, 60, 91 },
	{ "busy, then quiet for long", 2, 0.01, 600, 200, 200, 271 },
	{ "quiet, then a burn of 20 s", 0.01, 2, 1200, 20, 210, 271 },
	{ "quiet, then a burn of a minute", 0.01, 2, 1200, 70, 60, 91 },
	{ "it has just begun", 1, 1, 25, 0, 20, 25 },
};

static void test_reach(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct reach_edge edges[EDGES + 1] = { { 100 * S, 0 } }, now = edges[0];
		double samples = 0;
		size_t n = 1;

		for (unsigned s = 0; s < cases[i].seconds + cases[i].then_seconds; s++) {
			samples += RATE * (s < cases[i].seconds ? cases[i].first : cases[i].then);
			now = (struct reach_edge){ now.t_ns + S, (uint64_t)samples };
			if (reach_due(&reach, &edges[n - 1], &now)) {
				edges[n++] = now;
				size_t old = reach_old(&reach, edges, n, &now);

				n -= old;
				memmove(edges, edges + old, n * sizeof(*edges));
			}
			/* As the recorder does: the oldest one makes room. */
			if (n == EDGES)
				memmove(edges, edges + 1, --n * sizeof(*edges));
		}
		edges[n] = now;
		unsigned back_s = (now.t_ns - edges[reach_first(&reach, edges, n)].t_ns) / S;

		if (back_s < cases[i].least_s || back_s > cases[i].most_s)
			fail_msg("%s: it begins %u s before, not %u to %u", cases[i].name, back_s,
				 cases[i].least_s, cases[i].most_s);
	}
}

/* Counters that begin anew, and a clock that does not move, decide nothing wrong. */
static void test_odd(void **state)
{
	struct reach_edge edges[2] = { { 500 * S, 900 }, { 510 * S, 1000 } };
	struct reach_edge back = { 505 * S, 10 };

	assert_false(reach_due(&reach, &edges[1], &back));
	assert_int_equal(reach_old(&reach, edges, 2, &back), 0);
	assert_int_equal(reach_first(&reach, edges, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
