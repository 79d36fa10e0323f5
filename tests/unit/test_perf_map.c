// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/lib/symbols/perf_map.h"

static int text_fd(const char *text, size_t len)
{
	int fd = memfd_create("perf-map", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	return fd;
}

static const char sample[] = "7f0000001000 100 LazyCompile:*hot /srv/app.js:12\n"
			     "0x7f0000002000 0x20 with_prefix\r\n"
			     "7F0000003000 40 upper\n"
			     "not a line\n"
			     "7f0000004000 zz bad_size\n"
			     "7f0000004000 10\n"
			     "7f0000004000 10 \n"
			     "00007f00000050001 10 seventeen_digits\n"
			     "7f0000006000 10 first_use\n"
			     "7f0000006000 10 second_use\n"
			     "ffffffffffffff00 ff00 wraps\n"
			     "7f0000007000 10 at the end";

static const struct {
	uint64_t address;
	const char *name;
} cases[] = {
	{0x10, NULL},
	{0x7f0000000fff, NULL},
	{0x7f0000001000, "LazyCompile:*hot /srv/app.js:12"},
	{0x7f00000010ff, "LazyCompile:*hot /srv/app.js:12"},
	{0x7f0000001100, NULL},
	{0x7f0000002010, "with_prefix"},
	{0x7f000000303f, "upper"},
	{0x7f0000004000, NULL},
	{0x7f0000006008, "second_use"},
	{0x7f0000007008, "at the end"},
	{0xffffffffffffff80, "wraps"},
};
#define N_CASES (sizeof(cases) / sizeof(cases[0]))

static void finds(void **state)
{
	struct perf_map_symbol found[N_CASES] = {0};
	uint64_t addresses[N_CASES];
	int fd = text_fd(sample, strlen(sample)), named = 0;
	char name[PERF_MAP_NAME_MAX + 1];

	for (size_t i = 0; i < N_CASES; i++) {
		addresses[i] = cases[i].address;
		named += cases[i].name != NULL;
	}
	assert_int_equal(perf_map_find(fd, addresses, N_CASES, found), named);
	for (size_t i = 0; i < N_CASES; i++) {
		assert_int_equal(found[i].name_len > 0, cases[i].name != NULL);
		if (!cases[i].name)
			continue;
		assert_int_equal(perf_map_name(fd, &found[i], name, sizeof(name)),
				 strlen(cases[i].name));
		assert_string_equal(name, cases[i].name);
	}
	assert_int_equal(perf_map_name(fd, &found[2], name, 5), 4);
	assert_string_equal(name, "Lazy");
	addresses[0] = UINT64_MAX;
	assert_int_equal(perf_map_find(fd, addresses, N_CASES, found), -EINVAL);
	close(fd);
}

/* Lines over the reader's chunks, and one longer than a chunk: its name is cut, the next line
 * whole. */
static void long_lines(void **state)
{
	size_t size = 400000;
	char *text = malloc(size), name[PERF_MAP_NAME_MAX + 1];
	struct perf_map_symbol found[3] = {0};
	const uint64_t addresses[] = {0x1000, 0x2000, 0x3000};
	int fd;

	memset(text, 'x', size);
	memcpy(text, "1000 1 ", 7);
	text[60000] = '\n';
	memcpy(text + 60001, "2000 1 ", 7);
	text[60001 + 300000] = '\n';
	memcpy(text + 60001 + 300001, "3000 1 after", 12);
	text[60001 + 300001 + 12] = '\n';
	fd = text_fd(text, size);
	assert_int_equal(perf_map_find(fd, addresses, 3, found), 3);
	assert_int_equal(found[0].name_len, PERF_MAP_NAME_MAX);
	assert_int_equal(found[1].name_len, PERF_MAP_NAME_MAX);
	assert_int_equal(perf_map_name(fd, &found[2], name, sizeof(name)), 5);
	assert_string_equal(name, "after");
	close(fd);
	free(text);
}

static void too_big_a_map_is_refused(void **state)
{
	struct perf_map_symbol found[1] = {0};
	const uint64_t address = 0x1000;
	int fd = text_fd("1000 10 a\n", 10);

	assert_int_equal(ftruncate(fd, PERF_MAP_BYTES_MAX), 0);
	assert_int_equal(perf_map_find(fd, &address, 1, found), 1);
	assert_int_equal(ftruncate(fd, 10ll << 30), 0);
	assert_int_equal(perf_map_find(fd, &address, 1, found), -EFBIG);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(too_big_a_map_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
