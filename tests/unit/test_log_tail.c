// SPDX-License-Identifier: BSD-2-Clause
/* Which lines of a log's end are taken, and what becomes of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/lib/logs/log_tail.h"
#include "user/lib/symbols/symbol_text.h"

#define S 1000000000LL
#define NOW 1795627260LL /* 2026-11-25 17:21:00 UTC */
#define AT(mm_ss) "2026-11-25T17:" mm_ss "Z "
#define REPLACED "\xef\xbf\xbd"

struct got {
	char text[65536];
	size_t n;
	int64_t first_ns, last_ns;
	int stop_after;
};

static int take(void *arg, int64_t t_ns, const char *text, size_t len)
{
	struct got *g = arg;

	assert_int_equal(strlen(text), len);
	assert_true(symbol_text_valid(text, len));
	assert_true(len < LOG_TEXT_BYTES);
	if (!g->n)
		g->first_ns = t_ns;
	g->last_ns = t_ns;
	g->n++;
	strncat(g->text, text, sizeof(g->text) - strlen(g->text) - 2);
	strcat(g->text, "|");
	return g->stop_after && g->n == (size_t)g->stop_after ? -EIO : 0;
}

static struct got got;
static struct log_counts counts;

/* Of a file that ends with `text`, of which `before` more bytes were not read; 60 s, `most` lines. */
static const char *tail(const char *text, uint64_t before, uint64_t most)
{
	const struct log_want want = {.clock = {.now_ns = NOW * S}, .since_ns = (NOW - 60) * S,
				      .lines_max = most};
	size_t size = strlen(text);
	char *exact = malloc(size ? size : 1);
	const struct log_data data = {.text = exact, .size = size, .before_bytes = before,
				      .mtime_ns = NOW * S};

	memcpy(exact, text, size);
	got = (struct got){0};
	assert_int_equal(log_tail(&data, &want, take, &got, &counts), 0);
	assert_int_equal(counts.lines, got.n);
	free(exact);
	return got.text;
}

static void lines_of_the_last_minute(void **state)
{
	assert_string_equal(tail("", 0, 500), "");
	assert_string_equal(tail(AT("19:59") "old\n" AT("20:00") "a\n" AT("20:59") "b\n", 0, 500),
			    AT("20:00") "a|" AT("20:59") "b|");
	assert_int_equal(got.first_ns, (NOW - 60) * S);
	assert_int_equal(got.last_ns, (NOW - 1) * S);
	assert_int_equal(counts.timed, 3);
	assert_int_equal(counts.lines_left_out, 0);
	/* The last line isn't finished: the program died in it. */
	assert_string_equal(tail(AT("20:59") "a\n" AT("20:59") "unfin", 0, 500),
			    AT("20:59") "a|" AT("20:59") "unfin|");
	/* Empty lines are lines. */
	assert_string_equal(tail(AT("20:59") "a\n\n\r\n", 0, 500), AT("20:59") "a|||");
	/* Two threads write: one line is older than the one before it. */
	assert_string_equal(tail(AT("20:30") "a\n" AT("19:59") "b\n" AT("20:31") "c\n", 0, 500),
			    AT("20:30") "a|" AT("20:31") "c|");
}

static void lines_without_a_time(void **state)
{
	/* They are as old as the line before. */
	assert_string_equal(tail(AT("10:00") "x\n  at y\n" AT("20:30") "e\n  at f\n  at g\n", 0, 500),
			    AT("20:30") "e|  at f|  at g|");
	assert_int_equal(got.last_ns, (NOW - 30) * S);
	assert_int_equal(counts.timed, 2);
	/* Those before the first time are no younger than it. */
	assert_string_equal(tail("  at y\n" AT("10:00") "x\n", 0, 500), "");
	assert_string_equal(tail("  at y\n" AT("20:30") "x\n", 0, 500), "  at y|" AT("20:30") "x|");
	assert_int_equal(got.first_ns, 0);
	/* No line has one: the file was written in time, so all are taken. */
	assert_string_equal(tail("a\nb\n", 0, 500), "a|b|");
	assert_int_equal(got.last_ns, 0);

	const struct log_want want = {.clock = {.now_ns = NOW * S}, .since_ns = (NOW - 60) * S,
				      .lines_max = 500};
	const struct log_data old = {.text = "a\nb\n", .size = 4, .mtime_ns = (NOW - 61) * S};

	got = (struct got){0};
	assert_int_equal(log_tail(&old, &want, take, &got, &counts), 0);
	assert_int_equal(got.n, 0);
}

static void no_more_than_asked_for(void **state)
{
	char text[64 * 1000] = "";

	for (int i = 0; i < 700; i++)
		sprintf(text + strlen(text), AT("20:30") "%d\n", i);
	tail(text, 0, 500);
	assert_int_equal(got.n, 500);
	assert_int_equal(counts.lines_left_out, 200);
	assert_non_null(strstr(got.text, " 200|"));
	assert_null(strstr(got.text, " 199|"));
	assert_string_equal(tail("a\nb\nc\n", 0, 2), "b|c|");
	assert_int_equal(counts.lines_left_out, 1);
	assert_string_equal(tail("a\nb\nc\n", 0, 3), "a|b|c|");
	assert_int_equal(counts.lines_left_out, 0);
	assert_string_equal(tail("a\nb\n", 0, 0), "");
	/* What is too old is not left out: nobody asked for it. */
	assert_string_equal(tail(AT("10:00") "a\n" AT("20:30") "b\n", 0, 1), AT("20:30") "b|");
	assert_int_equal(counts.lines_left_out, 0);
}

static void data_that_begins_within_a_line(void **state)
{
	assert_string_equal(tail("rest of a line\n" AT("20:30") "a\n", 1000, 500), AT("20:30") "a|");
	/* All that was read is in time, so what wasn't may be too. */
	assert_int_equal(counts.bytes_left_out, 1000);
	assert_string_equal(tail("rest\n" AT("10:00") "a\n" AT("20:30") "b\n", 1000, 500),
			    AT("20:30") "b|");
	assert_int_equal(counts.bytes_left_out, 0);
	/* One line that is longer than what is read. */
	assert_string_equal(tail("the end of it\n", 9000000, 500),
			    "[9000000 bytes] \xe2\x80\xa6the end of it|");
	assert_int_equal(counts.bytes_left_out, 9000000);
	assert_int_equal(counts.lines_cut, 1);
	assert_int_equal(counts.lines, 1);
	assert_string_equal(tail("the end of it", 9000000, 500),
			    "[9000000 bytes] \xe2\x80\xa6the end of it|");
}

static const char *clean(const char *line, size_t len)
{
	static char text[LOG_TEXT_BYTES];
	char *exact = malloc(len + 1);

	counts = (struct log_counts){0};
	memcpy(exact, line, len);
	exact = realloc(exact, len ? len : 1);
	len = log_line_clean(exact, len, 0, text, &counts);
	assert_int_equal(len, strlen(text));
	assert_true(symbol_text_valid(text, len));
	free(exact);
	return text;
}

#define CLEAN(line) clean(line, sizeof(line) - 1)

static void lines_are_made_clean(void **state)
{
	assert_string_equal(CLEAN("plain \xe2\x82\xac"), "plain \xe2\x82\xac");
	assert_string_equal(CLEAN("\033[2m2026\033[0m \033[1;32mINFO\033[0m"), "2026 INFO");
	assert_int_equal(counts.bytes_replaced, 0);
	assert_string_equal(CLEAN("\033]0;title\a$ \033]0;title\033\\$"), "$ $");
	assert_string_equal(CLEAN("a\tb\r"), "a b");
	assert_string_equal(CLEAN("a\0b\x01\x7f"), "a" REPLACED "b" REPLACED REPLACED);
	assert_int_equal(counts.bytes_replaced, 3);
	assert_string_equal(CLEAN("\xff\xc0\x80\xed\xa0\x80"),
			    REPLACED REPLACED REPLACED REPLACED REPLACED REPLACED);
	assert_int_equal(counts.bytes_replaced, 6);
	assert_string_equal(CLEAN("\xe2\x82"), REPLACED REPLACED);
	assert_string_equal(CLEAN("\xc2\x85x"), REPLACED REPLACED "x");
	/* Not finished. */
	assert_string_equal(CLEAN("\033[1"), REPLACED "[1");
	assert_string_equal(CLEAN("\033"), REPLACED);
}

static void long_lines_are_cut(void **state)
{
	static char line[10 << 20];

	memset(line, 'x', sizeof(line));
	const char *text = clean(line, sizeof(line));

	assert_int_equal(strspn(text, "x"), LOG_LINE_BYTES);
	assert_string_equal(text + LOG_LINE_BYTES, "\xe2\x80\xa6 [10481664 bytes]");
	assert_int_equal(counts.lines_cut, 1);
	assert_int_equal(counts.bytes_left_out, sizeof(line) - LOG_LINE_BYTES);
	text = clean(line, LOG_LINE_BYTES);
	assert_int_equal(strlen(text), LOG_LINE_BYTES);
	assert_int_equal(counts.lines_cut, 0);
	/* Not within a character. */
	memcpy(line + LOG_LINE_BYTES - 2, "\xe2\x82\xac", 3);
	text = clean(line, LOG_LINE_BYTES + 1);
	assert_string_equal(text + LOG_LINE_BYTES - 2, "\xe2\x80\xa6 [3 bytes]");
	/* Nor longer for what is replaced. */
	memset(line, 0xff, sizeof(line));
	assert_true(strlen(clean(line, sizeof(line))) < LOG_TEXT_BYTES);
	assert_int_equal(counts.bytes_replaced, LOG_LINE_BYTES / 3);
}

static void colours_before_the_time(void **state)
{
	tail("\033[2m2026-11-25T17:20:30.5Z\033[0m \033[32m INFO\033[0m tracing\n", 0, 500);
	assert_int_equal(got.first_ns, (NOW - 30) * S + 500000000);
	assert_string_equal(got.text, "2026-11-25T17:20:30.5Z  INFO tracing|");
}

static void an_error_ends_it(void **state)
{
	const struct log_want want = {.clock = {.now_ns = NOW * S}, .lines_max = 500};
	const struct log_data data = {.text = "a\nb\nc\n", .size = 6, .mtime_ns = NOW * S};

	got = (struct got){.stop_after = 2};
	assert_int_equal(log_tail(&data, &want, take, &got, &counts), -EIO);
	assert_int_equal(got.n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_the_last_minute),
		cmocka_unit_test(lines_without_a_time),
		cmocka_unit_test(no_more_than_asked_for),
		cmocka_unit_test(data_that_begins_within_a_line),
		cmocka_unit_test(lines_are_made_clean),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(colours_before_the_time),
		cmocka_unit_test(an_error_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
