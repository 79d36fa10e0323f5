// SPDX-License-Identifier: BSD-2-Clause
/* Lines of several files in one order; and what a child that reads logs may answer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/lib/logs/log_merge.h"

static struct log_merge merge;
static struct report report;

static int set_up(void **state)
{
	merge = (struct log_merge){.lines_max = 500, .trigger_ns = INT64_MAX};
	return report_init(&report);
}

static int tear_down(void **state)
{
	log_merge_release(&merge);
	report_release(&report);
	return 0;
}

static void line(int64_t t_ns, const char *text)
{
	assert_int_equal(log_merge_line(&merge, t_ns, text), 0);
}

static void source_of(const char *path, int64_t mtime_ns, uint32_t flags)
{
	struct log_record r = {.kind = LOG_SOURCE, .t_ns = mtime_ns, .state = LOG_READ, .flags = flags,
			       .counts.lines = merge.n_lines - merge.pending};

	assert_int_equal(log_merge_source(&merge, &r, path, ""), 0);
}

static void source(const char *path, int64_t mtime_ns)
{
	source_of(path, mtime_ns, 0);
}

/* The texts, one after the other. */
static const char *all(void)
{
	static char text[1024];

	text[0] = '\0';
	assert_int_equal(log_merge_report(&merge, &report), 0);
	for (size_t i = 0; i < report.logs.n && i < 100; i++) {
		strcat(text, report_text(&report, report.logs.text[i]));
		strcat(text, " ");
	}
	return text;
}

static void in_the_order_of_time(void **state)
{
	line(10, "a10"), line(10, "a10b"), line(30, "a30"), source("/a", 31);
	line(10, "b10"), line(20, "b20"), line(40, "b40"), source("/b", 41);
	assert_string_equal(all(), "a10 a10b b10 b20 a30 b40 ");
	assert_int_equal(report.log_sources.n, 2);
	assert_int_equal(report.log_sources.lines[1], 3);
	assert_string_equal(report_text(&report, report.log_sources.state[0]), "read");
	assert_string_equal(report_text(&report, report.logs.source[2]), "/b");
	assert_int_equal(report.logs.t_ns[4], 30);
}

/* A file's own order stays, whatever its times say. */
static void not_against_the_file(void **state)
{
	line(10, "a10"), line(30, "a30"), line(20, "late"), source("/a", 31);
	line(25, "b25"), line(31, "b31"), source("/b", 41);
	assert_string_equal(all(), "a10 b25 a30 late b31 ");
}

/* At one stamp the files follow each other as they were written. */
static void rotated_in_a_second(void **state)
{
	line(10, "new10"), line(11, "new11"), source("/a", 12);
	line(10, "last10"), source_of("/a.1", 11, LOG_ROTATED);
	line(9, "old9"), line(10, "old10"), source_of("/a.2", 10, LOG_ROTATED);
	assert_string_equal(all(), "old9 old10 last10 new10 new11 ");
}

static void without_times(void **state)
{
	line(0, "head"), line(20, "a20"), source("/a", 50);
	line(0, "x"), line(0, "y"), source("/b", 30);
	line(10, "c10"), line(40, "c40"), source("/c", 41);
	assert_string_equal(all(), "c10 head a20 x y c40 ");
	assert_int_equal(report.logs.t_ns[3], 0);
}

static void no_more_than_there_is_room_for(void **state)
{
	merge.lines_max = 3;
	line(10, "a10"), line(30, "a30"), source("/a", 31);
	line(5, "b5"), line(20, "b20"), line(40, "b40"), source("/b", 41);
	assert_string_equal(all(), "b20 a30 b40 ");
	assert_int_equal(report.log_sources.lines[0], 1);
	assert_int_equal(report.log_sources.lines_left_out[0], 1);
	assert_int_equal(report.log_sources.lines[1], 2);
	assert_int_equal(report.log_sources.lines_left_out[1], 1);
	assert_int_equal(report.loss.reasons.n, 1);
	assert_string_equal(report.loss.reasons.name[0], "logs: lines left out");
	assert_int_equal(report.loss.reasons.count[0], 2);
}

/* Of 10 lines before the trigger and 10 after it 6 are kept, then 16, then all. */
static void around_the_trigger(void **state)
{
	static const struct {
		uint64_t lines_max;
		int64_t trigger_ns;
		size_t first, last;
	} cases[] = {
		{6, 10, 8, 13}, {16, 10, 3, 18}, {20, 10, 1, 20}, {6, 0, 1, 6},
		{6, 20, 15, 20}, {6, 1, 1, 6}, {6, 19, 15, 20}, {1, 10, 11, 11},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		set_up(state);
		merge.lines_max = cases[i].lines_max;
		merge.trigger_ns = cases[i].trigger_ns;
		for (int t = 1; t <= 20; t++)
			line(t, "x");
		source("/a", 31);
		assert_int_equal(log_merge_report(&merge, &report), 0);
		assert_int_equal(report.logs.n, cases[i].last - cases[i].first + 1);
		assert_int_equal(report.logs.t_ns[0], cases[i].first);
		tear_down(state);
	}
}

static void long_lines(void **state)
{
	char text[LOG_LINE_BYTES + 1];

	memset(text, 'x', LOG_LINE_BYTES);
	text[LOG_LINE_BYTES] = '\0';
	for (int i = 0; i < 300; i++)
		line(i + 1, text);
	source("/a", 31);
	assert_int_equal(log_merge_report(&merge, &report), 0);
	assert_int_equal(report.logs.n, LOG_MERGE_BYTES / LOG_LINE_BYTES);
	assert_int_equal(report.log_sources.lines_left_out[0], 300 - report.logs.n);
	assert_int_equal(report.logs.t_ns[report.logs.n - 1], 300);
}

static void the_same_file_twice(void **state)
{
	line(10, "a"), source("/a", 31);
	line(10, "a"), source("/a", 31);
	assert_string_equal(all(), "a ");
	assert_int_equal(report.log_sources.n, 1);
}

static void what_failed(void **state)
{
	line(10, "a"), source("/a", 31);
	line(10, "b");
	assert_int_equal(log_merge_failure(&merge, "/b", "no permission"), 0);
	line(20, "never finished");
	assert_string_equal(all(), "a ");
	assert_int_equal(report.log_sources.n, 2);
	assert_int_equal(report.log_sources.lines[1], 0);
	assert_string_equal(report_text(&report, report.log_sources.state[1]), "no permission");
}

/* --- answers */
static _Alignas(8) char payload[8192];
static size_t payload_bytes;

static struct log_record *put(uint32_t kind, const char *text)
{
	struct log_record *r = (struct log_record *)(payload + payload_bytes);

	memset(r, 0, sizeof(*r) + strlen(text) + 9);
	r->kind = kind;
	r->text_bytes = (uint32_t)strlen(text);
	memcpy(r + 1, text, strlen(text));
	payload_bytes += log_record_bytes(r);
	return r;
}

/* How many records there are, or -EPROTO. */
static int records(void)
{
	struct log_answer answer = {.lines_max = 3};
	struct log_record r;
	const char *text;
	size_t at = 0;
	int n = 0, more;

	while ((more = log_record_next(payload, payload_bytes, &at, &answer, &r, &text)) > 0)
		n++;
	payload_bytes = 0;
	return more < 0 ? more : n;
}

static void answers(void **state)
{
	assert_int_equal(records(), 0);
	put(LOG_LINE, "a"), put(LOG_LINE, ""), put(LOG_SOURCE, "/x")->counts.lines = 2;
	put(LOG_SOURCE, "/y")->state = LOG_DENIED;
	assert_int_equal(records(), 4);
	/* What doesn't fit together. */
	put(LOG_LINE, "a"), put(LOG_SOURCE, "/x")->counts.lines = 2;
	assert_int_equal(records(), -EPROTO);
	put(LOG_LINE, "a"), put(LOG_SOURCE, "/x")->counts.lines = 1;
	((struct log_record *)(payload + payload_bytes - 104))->state = LOG_DENIED;
	assert_int_equal(records(), -EPROTO);
	put(LOG_LINE, "a"), put(LOG_LINE, "b"), put(LOG_LINE, "c"), put(LOG_LINE, "d");
	assert_int_equal(records(), -EPROTO);
	put(LOG_LINE, "a")->t_ns = -1;
	assert_int_equal(records(), -EPROTO);
	put(LOG_SOURCE, "");
	assert_int_equal(records(), -EPROTO);
	put(LOG_SOURCE, "/x")->state = LOG_STATE_N;
	assert_int_equal(records(), -EPROTO);
	put(LOG_SOURCE, "/x")->flags = 2;
	assert_int_equal(records(), -EPROTO);
	put(LOG_RECORD_KIND_N, "/x");
	assert_int_equal(records(), -EPROTO);
	/* Texts. */
	put(LOG_LINE, "a\nb");
	assert_int_equal(records(), -EPROTO);
	put(LOG_LINE, "\xff");
	assert_int_equal(records(), -EPROTO);
	put(LOG_LINE, "\033[31m");
	assert_int_equal(records(), -EPROTO);
	put(LOG_LINE, "abc")->text_bytes = 2;
	payload_bytes = 104;
	assert_int_equal(records(), -EPROTO);
	/* Lengths. */
	put(LOG_LINE, "a")->text_bytes = 100;
	assert_int_equal(records(), -EPROTO);
	put(LOG_LINE, "a")->text_bytes = UINT32_MAX;
	assert_int_equal(records(), -EPROTO);
	put(LOG_LINE, "a");
	payload_bytes -= 8;
	assert_int_equal(records(), -EPROTO);
	put(LOG_LINE, "a");
	payload_bytes = 8;
	assert_int_equal(records(), -EPROTO);
	for (int i = 0; i <= LOG_SOURCES_MAX; i++)
		put(LOG_SOURCE, "/");
	assert_int_equal(records(), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_the_order_of_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_against_the_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(rotated_in_a_second, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_times, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_more_than_there_is_room_for, set_up, tear_down),
		cmocka_unit_test(around_the_trigger),
		cmocka_unit_test_setup_teardown(long_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_same_file_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_failed, set_up, tear_down),
		cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
