// SPDX-License-Identifier: BSD-2-Clause
/* Mappings of a process, and the map from keys to indexes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>

#include "user/lib/base/idmap.h"
#include "user/lib/symbols/mappings.h"

/* What is mapped one after the other, as start-end:file, and what is left. */
static const struct {
	const char *name;
	struct mapping added[6];
	const char *left;
} cases[] = {
	{"nothing", {{0}}, ""},
	{"one", {{16, 32, 0, 1}}, "10-20+0:1"},
	{"sorted by start", {{48, 64, 0, 2}, {16, 32, 0, 1}}, "10-20+0:1 30-40+0:2"},
	{"side by side", {{16, 32, 0, 1}, {32, 48, 0, 2}}, "10-20+0:1 20-30+0:2"},
	{"the same again", {{16, 32, 0, 1}, {16, 32, 0, 2}}, "10-20+0:2"},
	{"evicts what it covers",
	 {{16, 32, 0, 1}, {32, 48, 0, 2}, {48, 64, 0, 3}, {16, 64, 0, 4}},
	 "10-40+0:4"},
	{"cuts the left one", {{16, 48, 0, 1}, {32, 64, 0, 2}}, "10-20+0:1 20-40+0:2"},
	{"cuts the right one, whose offset moves",
	 {{32, 64, 256, 1}, {16, 48, 0, 2}},
	 "10-30+0:2 30-40+110:1"},
	{"splits one in two", {{16, 64, 0, 1}, {32, 48, 0, 2}}, "10-20+0:1 20-30+0:2 30-40+20:1"},
	{"cuts both and evicts the middle",
	 {{16, 32, 0, 1}, {32, 40, 0, 2}, {40, 64, 0, 3}, {24, 48, 0, 4}},
	 "10-18+0:1 18-30+0:4 30-40+8:3"},
	{"up to the end of the address space",
	 {{16, 32, 0, 1}, {UINT64_MAX - 15, UINT64_MAX, 0, 2}},
	 "10-20+0:1 fffffffffffffff0-ffffffffffffffff+0:2"},
};

static void test_add(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mappings m = {0};
		char left[512] = "";
		size_t at = 0;

		for (size_t k = 0; cases[i].added[k].end; k++)
			assert_int_equal(mappings_add(&m, &cases[i].added[k]), 0);
		for (size_t k = 0; k < m.n; k++)
			at += snprintf(left + at, sizeof(left) - at, "%s%llx-%llx+%llx:%u",
				       k ? " " : "", (unsigned long long)m.by_start[k].start,
				       (unsigned long long)m.by_start[k].end,
				       (unsigned long long)m.by_start[k].offset,
				       m.by_start[k].file);
		print_message("# %s\n", cases[i].name);
		assert_string_equal(left, cases[i].left);
		mappings_release(&m);
	}
}

/* Against an array that has a file for each address. */
static void test_random(void **state)
{
	struct mappings m = {0};
	uint32_t owner[256] = {0};
	uint64_t place[256] = {0};

	srand(7);
	for (uint32_t file = 1; file < 5000; file++) {
		uint64_t start = rand() % 255, end = start + 1 + rand() % (255 - start);
		uint64_t offset = rand() % 1000;

		assert_int_equal(mappings_add(&m, &(struct mapping){start, end, offset, file}), 0);
		for (uint64_t a = start; a < end; a++) {
			owner[a] = file;
			place[a] = offset + a - start;
		}
		for (uint64_t a = 0; a < 256; a++) {
			const struct mapping *found = mappings_find(&m, a);

			assert_int_equal(found ? found->file : 0, owner[a]);
			if (found)
				assert_int_equal(found->offset + a - found->start, place[a]);
		}
	}
	mappings_release(&m);
}

static void test_refused(void **state)
{
	struct mappings m = {0}, copy = {0};

	assert_int_equal(mappings_add(&m, &(struct mapping){32, 32, 0, 1}), -EINVAL);
	assert_int_equal(mappings_add(&m, &(struct mapping){32, 16, 0, 1}), -EINVAL);
	assert_null(mappings_find(&m, 32));
	assert_int_equal(mappings_copy(&copy, &m), 0);
	assert_int_equal(copy.n, 0);
}

static void test_copy(void **state)
{
	struct mappings m = {0}, copy = {0};

	assert_int_equal(mappings_add(&m, &(struct mapping){16, 32, 0, 1}), 0);
	assert_int_equal(mappings_copy(&copy, &m), 0);
	assert_int_equal(mappings_add(&m, &(struct mapping){16, 32, 0, 2}), 0);
	assert_int_equal(mappings_find(&copy, 20)->file, 1);
	assert_int_equal(mappings_find(&m, 20)->file, 2);
	mappings_release(&m);
	mappings_release(&copy);
}

static void test_idmap(void **state)
{
	struct idmap m = {0};

	assert_int_equal(idmap_get(&m, 1), IDMAP_NONE);
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(idmap_set(&m, (uint64_t)i << 32, i), 0);
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(idmap_get(&m, (uint64_t)i << 32), i);
	assert_int_equal(idmap_get(&m, 77), IDMAP_NONE);
	assert_int_equal(idmap_set(&m, 0, 5), 0);
	assert_int_equal(idmap_get(&m, 0), 5);
	assert_int_equal(m.n, 100000);
	idmap_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),	cmocka_unit_test(test_random),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_copy),
		cmocka_unit_test(test_idmap),
	};

	return cmocka_run_group_tests_name("mappings", tests, NULL, NULL);
}
