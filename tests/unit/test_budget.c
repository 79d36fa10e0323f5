// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "user/lib/budget.h"

#define S 1000000000ULL

/* A daemon that costs `idle` and `per_hz` per cent of a CPU: the rate that it ends with. */
static const struct {
	double idle, per_hz;
	unsigned wanted, rate, changes;
} cases[] = {
	{ 0.1, 0.01, 19, 19, 0 },  { 0.1, 0.08, 19, 9, 1 }, { 0.1, 0.2, 19, 4, 2 },
	{ 0.1, 0.5, 19, 1, 4 },	   { 2.0, 0.01, 19, 1, 4 }, { 0.0, 0.0, 99, 99, 0 },
};

static void test_holds(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t now = 5 * S, cost = 0;
		unsigned changes = 0;
		struct budget b;
		char text[128];

		budget_init(&b, cases[i].wanted, now, cost);
		for (int second = 0; second < 600; second++) {
			now += S;
			cost += (cases[i].idle + cases[i].per_hz * b.rate_hz) / 100 * S;
			changes += budget_step(&b, now, cost);
		}
		budget_text(&b, text, sizeof(text));
		assert_int_equal(b.rate_hz, cases[i].rate);
		assert_int_equal(changes, cases[i].changes);
		assert_int_equal(!text[0], cases[i].rate == cases[i].wanted);
	}
}

/* An expensive minute, then nothing: the rate comes back, and no higher than it was. */
static void test_comes_back(void **state)
{
	uint64_t now = 0, cost = 0;
	struct budget b;

	budget_init(&b, 19, now, cost);
	for (int second = 0; second < 62; second++)
		budget_step(&b, now += S, cost += S / 20);
	assert_int_equal(b.rate_hz, 4);
	for (int second = 0; second < 200; second++)
		budget_step(&b, now += S, cost += S / 1000);
	assert_int_equal(b.rate_hz, 19);
}

/* What a report costs is not held against it, and counters that begin anew do no harm. */
static void test_pardon(void **state)
{
	struct budget b;

	budget_init(&b, 19, 0, 0);
	assert_false(budget_step(&b, 20 * S, S));
	budget_pardon(&b, 20 * S, S);
	assert_false(budget_step(&b, 51 * S, S + S / 100));
	assert_int_equal(b.rate_hz, 19);
	assert_false(budget_step(&b, 90 * S, 0));
	assert_int_equal(b.rate_hz, 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_comes_back),
		cmocka_unit_test(test_pardon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
