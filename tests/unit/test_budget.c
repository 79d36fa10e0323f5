// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "user/lib/detect/budget.h"

#define S 1000000000ULL

/* Of what a sample costs the kernel has its part. */
static struct budget_cost spent(double all_ns, double samples_ns)
{
	return (struct budget_cost){ all_ns, samples_ns / (1 + BUDGET_USER_SHARE) };
}

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
		struct budget_cost cost = { 0 };
		uint64_t now = 5 * S;
		double idle = 0, samples = 0;
		unsigned changes = 0;
		struct budget b;
		char text[128];

		budget_init(&b, cases[i].wanted, now, cost);
		for (int second = 0; second < 600; second++) {
			now += S;
			idle += cases[i].idle / 100 * S;
			samples += cases[i].per_hz * b.rate_hz / 100 * S;
			cost = spent(idle + samples, samples);
			changes += budget_step(&b, now, cost);
		}
		budget_text(&b, text, sizeof(text));
		assert_int_equal(b.rate_hz, cases[i].rate);
		assert_int_equal(changes, cases[i].changes);
		assert_int_equal(!text[0], cases[i].rate == cases[i].wanted);
	}
}

/* An expensive minute, then `after` a second: the rate comes back where there is room for it. */
static const struct {
	double after_percent, per_hz;
	unsigned rate;
} returns[] = {
	{ 0.1, 0.001, 19 }, /* as it was, and no higher */
	{ 0.7, 0.005, 19 }, /* much that is spent has nothing to do with samples */
	{ 0.2, 0.045, 8 },  /* 16 would be 0.92 */
	{ 0.95, 0.001, 4 },
};

static void test_comes_back(void **state)
{
	for (size_t i = 0; i < sizeof(returns) / sizeof(*returns); i++) {
		struct budget_cost cost = { 0 };
		double all = 0, samples = 0;
		uint64_t now = 0;
		struct budget b;

		budget_init(&b, 19, now, cost);
		for (int second = 0; second < 60; second++) {
			cost = spent(all += S / 20, 0);
			budget_step(&b, now += S, cost);
		}
		assert_int_equal(b.rate_hz, 4);
		for (int second = 0; second < 300; second++) {
			double each = returns[i].per_hz * b.rate_hz / 100 * S;

			cost = spent(all += returns[i].after_percent / 100 * S + each, samples += each);
			budget_step(&b, now += S, cost);
		}
		assert_int_equal(b.rate_hz, returns[i].rate);
	}
}

/* What a report costs is not held against it, and counters that begin anew do no harm. */
static void test_pardon(void **state)
{
	const struct budget_cost none = { 0 }, much = { S, 0 }, more = { S + S / 100, 0 };
	struct budget b;

	budget_init(&b, 19, 0, none);
	assert_false(budget_step(&b, 20 * S, much));
	budget_pardon(&b, 20 * S, much);
	assert_false(budget_step(&b, 51 * S, more));
	assert_int_equal(b.rate_hz, 19);
	assert_false(budget_step(&b, 90 * S, none));
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
