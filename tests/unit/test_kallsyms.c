// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/lib/symbols/kallsyms.h"

static int text_fd(const char *text, size_t len)
{
	int fd = memfd_create("kallsyms", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int read_text(const char *text, struct kallsyms **ret)
{
	int fd = text_fd(text, strlen(text));
	int err = kallsyms_read(fd, ret);

	close(fd);
	return err;
}

static const char sample[] = "0000000000000000 D fixed_percpu_data\n"
			     "ffffffff81000000 T _stext\n"
			     "ffffffff81000000 t __weaker_alias\n"
			     "ffffffff81000100 T do_one\n"
			     "ffffffff81000200 W maybe_two\n"
			     "ffffffff81000200 T do_two_longer\n"
			     "ffffffff81000200 T do_two\n"
			     "ffffffff81000300 D some_data\n"
			     "ffffffff81000310 d more_data\n"
			     "ffffffff81000400 t after_data\n"
			     "ffffffffc0002000 t late_module\t[beta]\n"
			     "ffffffffc0001000 t early_module\t[alpha]\n"
			     "ffffffffc0002100 T second\t[beta]\n"
			     "ffffffffc0300000 t bpf_prog_6deef7357e7b4530_on_switch\t[bpf]\n"
			     "ffffffffc0400000 t ftrace_trampoline\t[__builtin__ftrace]\n";

static const struct {
	uint64_t address;
	const char *name, *module;
} cases[] = {
	{0, NULL, NULL},
	{0xffffffff80ffffff, NULL, NULL},
	{0xffffffff81000000, "_stext", NULL},
	{0xffffffff81000123, "do_one", NULL},
	{0xffffffff810001ff, "do_one", NULL},
	{0xffffffff81000200, "do_two_longer", NULL},
	{0xffffffff81000300, NULL, NULL},
	{0xffffffff81000399, NULL, NULL},
	{0xffffffff81000401, "after_data", NULL},
	{0xffffffff81000400 + KALLSYMS_REACH_BYTES - 1, "after_data", NULL},
	{0xffffffff81000400 + KALLSYMS_REACH_BYTES, NULL, NULL},
	{0xffffffffc0001010, "early_module", "alpha"},
	{0xffffffffc0002010, "late_module", "beta"},
	{0xffffffffc0002110, "second", "beta"},
	{0xffffffffc0300020, "bpf_prog_6deef7357e7b4530_on_switch", "bpf"},
	{0xffffffffc0400020, "ftrace_trampoline", "__builtin__ftrace"},
	{UINT64_MAX, NULL, NULL},
};

static void finds(void **state)
{
	struct kallsyms_symbol s;
	struct kallsyms *k;

	assert_int_equal(read_text(sample, &k), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found = kallsyms_find(k, cases[i].address, &s);

		assert_int_equal(found, cases[i].name != NULL);
		if (!found)
			continue;
		assert_string_equal(s.name, cases[i].name);
		assert_true(s.start <= cases[i].address);
		assert_string_equal(s.module ? s.module : "-",
				    cases[i].module ? cases[i].module : "-");
	}
	kallsyms_free(k);
}

static void hidden_addresses_are_said(void **state)
{
	struct kallsyms *k;

	assert_int_equal(
		read_text("0000000000000000 T _stext\n0000000000000000 t foo\t[bar]\n", &k),
		-EPERM);
	assert_int_equal(read_text("", &k), -EPERM);
	assert_non_null(strstr(KALLSYMS_HIDDEN, "kernel.kptr_restrict"));
}

static void other_texts_are_refused(void **state)
{
	static const char *const texts[] = {
		"hello\n",
		"ffffffff81000000\n",
		"ffffffff81000000 T \n",
		"fffffffff81000000 T too_wide\n",
		"ffffffff81000000TT x\n",
		"\n",
	};
	char *longest = malloc(100000);
	struct kallsyms *k;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(read_text(texts[i], &k), -EBADMSG);
	memset(longest, 'a', 99999);
	memcpy(longest, "ffffffff81000000 T ", 19);
	longest[99999] = '\0';
	assert_int_equal(read_text(longest, &k), -EBADMSG);
	free(longest);
}

static void no_line_break_at_the_end(void **state)
{
	struct kallsyms_symbol s;
	struct kallsyms *k;

	assert_int_equal(read_text("ffffffff81000000 T _stext\nffffffff81000010 T last", &k), 0);
	assert_true(kallsyms_find(k, 0xffffffff81000011, &s));
	assert_string_equal(s.name, "last");
	kallsyms_free(k);
}

/* As many as a big kernel has; the budget is 40 ms and 10 MB, three times that on a slow machine.
 */
static void a_big_kernel_is_quick_and_small(void **state)
{
	size_t n = 122000, len = 0, cap = n * 64;
	char *text = malloc(cap);
	struct timespec begin, end;
	struct kallsyms_symbol s;
	struct kallsyms *k;
	long ms;
	int fd;

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, cap - len,
					"%016zx t a_function_of_the_kernel_%06zu\n",
					0xffffffff81000000 + i * 64, i);
	fd = text_fd(text, len);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_int_equal(kallsyms_read(fd, &k), 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	close(fd);
	free(text);
	assert_int_equal(kallsyms_count(k), n);
	assert_in_range(kallsyms_bytes(k), 1, 10u << 20);
	assert_true(kallsyms_find(k, 0xffffffff81000000 + 77777 * 64 + 63, &s));
	assert_string_equal(s.name, "a_function_of_the_kernel_077777");
	ms = (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000;
	print_message("%zu symbols in %ld ms, %zu bytes\n", n, ms, kallsyms_bytes(k));
#ifndef __SANITIZE_ADDRESS__
	assert_in_range(ms, 0, 120);
#endif
	kallsyms_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(hidden_addresses_are_said),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(no_line_break_at_the_end),
		cmocka_unit_test(a_big_kernel_is_quick_and_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
