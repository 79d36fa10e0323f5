// SPDX-License-Identifier: BSD-2-Clause
/* The parts of a machine's time make the whole, whatever the hypervisor takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "user/record/collector_totals.h"

#define MS ((uint64_t)1000000)

static const struct taken {
	const char *label;
	uint64_t idle_ms, busy_ms, excluded_ms, threads_ms;
	bool known;
	uint64_t taken_ms;
} taken[] = {
	{ "nothing was taken", 1000, 1000, 0, 1000, true, 0 },
	{ "from busy CPUs", 1000, 1000, 40, 960, true, 40 },
	{ "from idle ones that woke up late: idle already", 1981, 19, 38, 19, true, 0 },
	{ "from both", 1900, 100, 60, 80, true, 20 },
	{ "threads that aren't in the report are not taken", 1000, 1000, 40, 100, true, 40 },
	{ "not measured: what the busy time has over the threads'", 1000, 1000, 0, 960, false, 40 },
	{ "threads have more than the CPUs, by their clocks", 1000, 999, 5, 1000, true, 0 },
};

static void test_taken(void **state)
{
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		const struct taken *c = &taken[i];
		struct collector_totals t = {
			.idle_ns = c->idle_ms * MS,
			.busy_ns = c->busy_ms * MS,
			.excluded_ns = c->excluded_ms * MS,
		};
		uint64_t ns = collector_totals_taken_ns(&t, c->threads_ms * MS, c->known);

		if (ns != c->taken_ms * MS)
			fail_msg("%s: %lu ms, not %lu", c->label, ns / MS, c->taken_ms);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
