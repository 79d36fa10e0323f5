// SPDX-License-Identifier: BSD-2-Clause
/* The report as bytes: every field comes back, and nothing that is damaged comes through. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "fill.h"
#include "user/lib/profile/codec.h"
#include "user/lib/base/out.h"

static void encode(const struct report *r, struct out *ret)
{
	out_init(ret, -1);
	assert_int_equal(report_encode(r, out_callback, ret), 0);
	assert_int_equal(out_finish(ret), 0);
}

static void test_round_trip(void **state)
{
	char error[CODEC_ERROR_BYTES];
	struct report r, back;
	struct out first, second;

	fill_report(&r);
	encode(&r, &first);
	assert_int_equal(report_decode(first.data, first.n, NULL, &back, error), 0);
	assert_ptr_equal(fill_differs(&wire_report, &r, &back), NULL);
	assert_true(back.host.present && back.dump.present);
	encode(&back, &second);
	assert_int_equal(first.n, second.n);
	assert_memory_equal(first.data, second.data, first.n);
	out_release(&first);
	out_release(&second);
	report_release(&r);
	report_release(&back);
}

/* The comparison that the round trip relies on sees a change in any column and field. */
static void test_differs(void **state)
{
	struct report a, b;

	fill_report(&a);
	fill_report(&b);
	assert_null(fill_differs(&wire_report, &a, &b));
	b.blockers.count[FILL_ROWS - 1]++;
	assert_string_equal(fill_differs(&wire_report, &a, &b), "count");
	b.blockers.count[FILL_ROWS - 1]--;
	b.dump.code--;
	assert_string_equal(fill_differs(&wire_report, &a, &b), "code");
	report_release(&a);
	report_release(&b);
}

static void test_empty(void **state)
{
	char error[CODEC_ERROR_BYTES];
	struct report r, back;
	struct out o;

	assert_int_equal(report_init(&r), 0);
	encode(&r, &o);
	assert_true(o.n < 100);
	assert_int_equal(report_decode(o.data, o.n, NULL, &back, error), 0);
	assert_null(fill_differs(&wire_report, &r, &back));
	assert_false(back.window.present);
	assert_int_equal(back.strings.n, 1);
	out_release(&o);
	report_release(&r);
	report_release(&back);
}

static void test_pipe(void **state)
{
	char error[CODEC_ERROR_BYTES];
	struct report r, back;
	struct out o;
	int fds[2];

	fill_report(&r);
	encode(&r, &o);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], o.data, o.n), o.n);
	close(fds[1]);
	assert_int_equal(report_decode_fd(fds[0], NULL, &back, error), 0);
	assert_null(fill_differs(&wire_report, &r, &back));
	close(fds[0]);
	out_release(&o);
	report_release(&r);
	report_release(&back);
}

/* One number of a good report is changed, and the message says which. */
static const struct {
	const char *table, *column;
	size_t row;
	int32_t value;
	const char *error;
} broken[] = {
	{"stacks", "parent", 3, 3,
	 "not a backdraft report: stacks.parent[3] is 3, not a row before it"},
	{"stacks", "parent", 3, -2,
	 "not a backdraft report: stacks.parent[3] is -2, not a row before it"},
	{"stacks", "frame", 0, 7, "not a backdraft report: stacks.frame[0] is 7, rows of frames 7"},
	{"samples", "thread", 6, -1,
	 "not a backdraft report: samples.thread[6] is 4294967295, rows of threads 7"},
	{"samples", "stack", 1, 99,
	 "not a backdraft report: samples.stack[1] is 99, rows of stacks 7"},
	{"frames", "module", 2, 7,
	 "not a backdraft report: frames.module[2] is 7, rows of modules 7"},
	{"frames", "name", 2, 7, "not a backdraft report: frames.name[2] is 7, strings 7"},
	{"threads", "container", 4, -1,
	 "not a backdraft report: threads.container[4] is 4294967295, strings 7"},
	{"timeline", "thread", 5, 7,
	 "not a backdraft report: timeline.thread[5] is 7, rows of threads 7"},
	{"wait_histogram", "thread", 5, 8,
	 "not a backdraft report: wait_histogram.thread[5] is 8, rows of threads 7"},
	{"blockers", "by", 5, 8, "not a backdraft report: blockers.by[5] is 8, rows of threads 7"},
};

static void test_row_numbers(void **state)
{
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		const struct wire_field *table, *column;
		char error[CODEC_ERROR_BYTES] = "";
		struct report r, back;
		struct out o;

		fill_report(&r);
		table = wire_find(&wire_report, broken[i].table, strlen(broken[i].table));
		column = wire_find(table->type, broken[i].column, strlen(broken[i].column));
		((int32_t *)wire_column(wire_at(&r, table), column))[broken[i].row] =
			broken[i].value;
		encode(&r, &o);
		assert_int_equal(report_decode(o.data, o.n, NULL, &back, error), -EINVAL);
		assert_string_equal(error, broken[i].error);
		out_release(&o);
		report_release(&r);
	}
}

#define BYTES(text) text, sizeof(text) - 1
#define SCHEMA "\xa6schema\xb2" REPORT_SCHEMA
#define NOT "not a backdraft report: "

/* MessagePack by hand. A NULL error is a report that must be read. */
static const struct {
	const char *data;
	size_t size;
	const char *error;
} inputs[] = {
	{BYTES(""), NOT "it is empty"},
	{BYTES("hello"), NOT "not gzip-compressed"},
	{BYTES("\x1f\x8b\x08"), "cut short: it ends in the middle"},
	{BYTES("\x1f\x00\x00\x00\x00"),
	 "not a backdraft report, or a damaged one: incorrect header check"},
	{BYTES("\x80"),
	 "not a backdraft report that this version reads: its schema is not backdraft.report/1"},
	{BYTES("\x81\xa6schema\xa1x"),
	 "not a backdraft report that this version reads: its schema is not backdraft.report/1"},
	{BYTES("\x81" SCHEMA), NULL},
	{BYTES("\x81" SCHEMA "\x00"), "damaged: bytes after its end"},
	{BYTES("\x82" SCHEMA), "cut short: it ends in the middle"},
	{BYTES("\x82" SCHEMA SCHEMA), NOT "report.schema is there twice"},
	{BYTES("\x82" SCHEMA "\xa4host\xc0"), NULL},
	{BYTES("\x82" SCHEMA "\xa4host\x07"), NOT "report.host is not of kind nest"},
	{BYTES("\x82" SCHEMA "\x01\x02"), NOT "report holds no text"},
	{BYTES("\x82" SCHEMA "\xa5later\xc1"), NOT "not MessagePack"},
	{BYTES("\x82" SCHEMA "\xa4host\x81\xa4\x63pus\xa1x"), NOT "host.cpus is not of kind u64"},
	{BYTES("\x82" SCHEMA "\xa4host\x81\xa4\x63pus\xff"), NOT "host.cpus is not of kind u64"},
	{BYTES("\x82" SCHEMA "\xa4host\x81\xa2id\xc4\x02xx"), NOT "host.id is not of kind id"},
	{BYTES("\x82" SCHEMA "\xaa\x63reated_ns\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
	 NOT "report.created_ns is not of kind i64"},
	{BYTES("\x82" SCHEMA "\xaa\x63reated_ns\xd3\x80\0\0\0\0\0\0\0"), NULL},
	{BYTES("\x82" SCHEMA "\xa4host\x81\xa4\x63pus\xd0\x05"), NULL},
	{BYTES("\x82" SCHEMA "\xa7trigger\x81\xa5value\xca\x3f\x80\0\0"), NULL},
	{BYTES("\x82" SCHEMA "\xa7strings\x91\xa1x"), NOT "strings[0] is not empty"},
	{BYTES("\x82" SCHEMA "\xa7strings\x91\x05"), NOT "strings holds no text"},
	{BYTES("\x82" SCHEMA "\xa7strings\xdd\xff\xff\xff\xff"),
	 "strings has 4294967295 entries, the limit is 16777216"},
	{BYTES("\x82" SCHEMA "\xa7strings\x92\xa0\xdb\xff\xff\xff\xff"),
	 "strings: a text of 4294967295 bytes, the limit is 65536"},
	{BYTES("\x82" SCHEMA "\xa6phases\x82\xa8start_ns\x91\x01\xa6\x65nd_ns\x92\x01\x02"),
	 NOT "phases.start_ns has 1 rows, phases.end_ns has 2"},
	{BYTES("\x82" SCHEMA "\xa6phases\x81\xa8start_ns\x91\xa1x"),
	 NOT "phases.start_ns[0] is not a i64"},
	{BYTES("\x82" SCHEMA "\xa6phases\x81\xa8start_ns\x01"),
	 NOT "phases.start_ns is not of kind i64"},
	{BYTES("\x82" SCHEMA "\xa6phases\x81\xa8start_ns\xdd\xff\xff\xff\xff"),
	 "phases.start_ns has 4294967295 rows, the limit is 16777216"},
	{BYTES("\x82" SCHEMA "\xa4loss\x81\xa7reasons\x81\xa1x\xa1y"),
	 NOT "reasons holds no counts"},
	{BYTES("\x82" SCHEMA "\xa4loss\x81\xa7reasons\xdf\xff\xff\xff\xff"),
	 "reasons has 4294967295 names, the limit is 4096"},
	{BYTES("\x82" SCHEMA "\xa5later\xc6\xff\xff\xff\xff"), "too many bytes of unknown fields"},
	{BYTES("\x82" SCHEMA "\xa5later\xdd\xff\xff\xff\xff\x01"),
	 "cut short: it ends in the middle"},
	{BYTES("\x82" SCHEMA "\xa5later\xd8\x05xxxxxxxxxxxxxxxx"), NULL},
	{BYTES("\x82" SCHEMA "\xa6stacks\x81\xa5\x66rame\x91\x00"),
	 NOT "stacks.frame[0] is 0, rows of frames 0"},
};

static void test_inputs(void **state)
{
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		char error[CODEC_ERROR_BYTES] = "";
		struct report r;
		int status = report_decode(inputs[i].data, inputs[i].size, NULL, &r, error);

		assert_string_equal(error, inputs[i].error ? inputs[i].error : "");
		assert_int_equal(!status, !inputs[i].error);
		if (!status)
			report_release(&r);
	}
}

static void test_nesting(void **state)
{
	for (int depth = 30; depth < 36; depth++) {
		char data[256] = "\x82" SCHEMA "\xa5later", error[CODEC_ERROR_BYTES];
		size_t n = strlen(data);
		struct report r;
		int status;

		memset(data + n, 0x91, depth);
		data[n + depth] = 7;
		status = report_decode(data, n + depth + 1, NULL, &r, error);
		assert_int_equal(status, depth > CODEC_DEPTH_MAX ? -EFBIG : 0);
		if (!status)
			report_release(&r);
	}
}

/* A column that an older version did not write: nothing, not row 0. */
static void test_absent_column(void **state)
{
	static const char data[] =
		"\x83" SCHEMA "\xa7strings\x91\xa0\xa6\x66rames\x81\xa4name\x92\0\0";
	char error[CODEC_ERROR_BYTES];
	struct report r;

	assert_int_equal(report_decode(data, sizeof(data) - 1, NULL, &r, error), 0);
	assert_int_equal(r.frames.n, 2);
	assert_int_equal(r.frames.module[1], -1);
	assert_int_equal(r.frames.offset[1], 0);
	report_release(&r);
}

static void test_cut_short(void **state)
{
	char error[CODEC_ERROR_BYTES];
	struct report r, back;
	struct out o;

	fill_report(&r);
	encode(&r, &o);
	for (size_t n = 0; n < o.n; n++)
		assert_int_equal(report_decode(o.data, n, NULL, &back, error), -EINVAL);
	report_release(&r);
	out_release(&o);
}

/*
 * A flipped bit is found by the check sum, or is in a part of gzip's header that means nothing, or
 * pads the last byte before the trailer of 8.
 */
static void test_flipped_bits(void **state)
{
	char error[CODEC_ERROR_BYTES];
	struct report r, back;
	size_t accepted = 0;
	struct out o;

	fill_report(&r);
	encode(&r, &o);
	for (size_t bit = 0; bit < o.n * 8; bit++) {
		o.data[bit / 8] ^= 1 << bit % 8;
		if (!report_decode(o.data, o.n, NULL, &back, error)) {
			assert_null(fill_differs(&wire_report, &r, &back));
			report_release(&back);
			assert_true(bit / 8 < 10 || bit / 8 == o.n - 9);
			accepted++;
		}
		o.data[bit / 8] ^= 1 << bit % 8;
	}
	assert_in_range(accepted, 1, 80);
	report_release(&r);
	out_release(&o);
}

/* A report with many long strings, which gzip makes small. */
static void bomb(struct out *ret)
{
	struct report r;

	assert_int_equal(report_init(&r), 0);
	for (int i = 0; i < 100; i++) {
		char text[60001];

		memset(text, 'a', sizeof(text));
		snprintf(text, 20, "%d", i);
		text[strlen(text)] = '-';
		assert_true(report_intern_n(&r, text, 60000) > 0);
	}
	for (int i = 0; i < 100000; i++)
		assert_true(report_samples_add(&r.samples) >= 0);
	encode(&r, ret);
	report_release(&r);
}

static void test_limits(void **state)
{
	static const struct {
		uint64_t unpacked, memory;
		uint32_t rows;
		const char *error;
	} cases[] = {
		{4 << 20, 1 << 30, 1 << 20, "unpacks to over 4 MB, the limit"},
		{1 << 30, 4 << 20, 1 << 20, "needs over 4 MB of memory, the limit"},
		{1 << 30, 7 << 20, 1 << 20, "needs over 7 MB of memory, the limit"},
		{1 << 30, 1 << 30, 50, "strings has 101 entries, the limit is 50"},
		{1 << 30, 1 << 30, 5000, "samples.t_ns has 100000 rows, the limit is 5000"},
	};
	struct out o;

	bomb(&o);
	assert_true(o.n < 50000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct report_limits limits = report_limits_default;
		char error[CODEC_ERROR_BYTES] = "";
		struct report r;

		limits.unpacked_bytes = cases[i].unpacked;
		limits.memory_bytes = cases[i].memory;
		limits.rows = cases[i].rows;
		assert_int_equal(report_decode(o.data, o.n, &limits, &r, error), -EFBIG);
		assert_string_equal(error, cases[i].error);
	}
	out_release(&o);
}

static int full(void *ctx, const void *data, size_t size)
{
	return -ENOSPC;
}

static void test_write_error(void **state)
{
	struct report r;

	fill_report(&r);
	assert_int_equal(report_encode(&r, full, NULL), -ENOSPC);
	report_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_differs),
		cmocka_unit_test(test_empty),	    cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_row_numbers), cmocka_unit_test(test_inputs),
		cmocka_unit_test(test_nesting),	    cmocka_unit_test(test_absent_column),
		cmocka_unit_test(test_cut_short),   cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_limits),	    cmocka_unit_test(test_write_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
