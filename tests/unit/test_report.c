// SPDX-License-Identifier: BSD-2-Clause
/* The report in memory: strings, rows, counts, and that the descriptors say what wire.def says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/profile/compact.h"
#include "user/lib/profile/report.h"
#include "user/lib/base/utf8.h"
#include "user/lib/profile/wire.h"

static const struct {
	const char *in;
	size_t len;
	const char *out;
} texts[] = {
	{"", 0, ""},
	{"main", 4, "main"},
	{"na\xc3\xafve", 6, "na\xc3\xafve"},
	{"\xf0\x9f\x94\xa5", 4, "\xf0\x9f\x94\xa5"},
	{"a\xff"
	 "b",
	 3,
	 "a\xef\xbf\xbd"
	 "b"},
	{"a\0b", 3,
	 "a\xef\xbf\xbd"
	 "b"},
	{"\xc0\xaf", 2, "\xef\xbf\xbd\xef\xbf\xbd"},				     /* overlong */
	{"\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},		     /* surrogate */
	{"\xf4\x90\x80\x80", 4, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* too large */
	{"\xe2\x82", 2, "\xef\xbf\xbd\xef\xbf\xbd"},				     /* cut short */
};

static void test_utf8(void **state)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char out[64];
		size_t len = utf8_clean(texts[i].in, texts[i].len, out);

		assert_string_equal(out, texts[i].out);
		assert_int_equal(len, strlen(out));
		assert_true(utf8_is_clean(out, len));
		assert_int_equal(utf8_is_clean(texts[i].in, texts[i].len),
				 len == texts[i].len && !memcmp(out, texts[i].in, len));
	}
}

/* Whatever stands at whatever place among plain letters is seen. */
static void test_utf8_places(void **state)
{
	static const char letters[] = "xxxxxxxxxxxxxxxxxxxx";
	static const struct {
		const char *in;
		size_t len;
		bool clean;
	} odd[] = {
		{"\xff", 1, false}, {"\0", 1, false},	       {"\xc3\xa4", 2, true},
		{"\x7f", 1, true},  {"\xe2\x82\xac", 3, true}, {"\x80", 1, false},
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		for (size_t at = 0; at + odd[i].len <= 20; at++) {
			char text[20], out[64], expected[64];

			memset(text, 'x', sizeof(text));
			memcpy(text + at, odd[i].in, odd[i].len);
			snprintf(expected, sizeof(expected), "%.*s%s%.*s", (int)at, letters,
				 odd[i].clean ? odd[i].in : UTF8_REPLACEMENT,
				 (int)(20 - at - odd[i].len), letters);
			assert_int_equal(utf8_is_clean(text, sizeof(text)), odd[i].clean);
			utf8_clean(text, sizeof(text), out);
			assert_string_equal(out, expected);
		}
	}
}

static void test_intern(void **state)
{
	struct report r;
	char text[32];

	assert_int_equal(report_init(&r), 0);
	assert_int_equal(report_intern(&r, ""), 0);
	assert_int_equal(report_intern(&r, NULL), 0);
	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "function_%d", i);
		assert_int_equal(report_intern(&r, text), i + 1);
	}
	for (int i = 19999; i >= 0; i--) {
		int len = snprintf(text, sizeof(text), "function_%d", i);

		assert_int_equal(report_intern_n(&r, text, len), i + 1);
		assert_string_equal(report_text(&r, i + 1), text);
	}
	assert_int_equal(report_intern_n(&r, "function_12", 10), report_intern(&r, "function_1"));
	assert_int_equal(report_intern(&r, "\xfe"), report_intern(&r, "\xff"));
	assert_int_equal(r.strings.n, 20002);
	assert_string_equal(report_text(&r, 4000000000u), "");
	report_release(&r);
	assert_null(r.strings.text);
}

static void test_rows(void **state)
{
	struct report r;

	assert_int_equal(report_init(&r), 0);
	for (int64_t i = 0; i < 10000; i++) {
		assert_int_equal(report_samples_add(&r.samples), i);
		assert_int_equal(r.samples.t_ns[i] | r.samples.thread[i] | r.samples.weight_ns[i],
				 0);
		r.samples.t_ns[i] = i * 1000;
		r.samples.stack[i] = -i;
	}
	assert_int_equal(r.samples.n, 10000);
	assert_int_equal(r.samples.t_ns[9999], 9999000);
	assert_int_equal(r.samples.stack[17], -17);
	assert_int_equal(report_dump_threads_add(&r.dump.threads), 0);
	report_release(&r);
	assert_int_equal(r.samples.n, 0);
	assert_null(r.samples.t_ns);
}

static void test_counts(void **state)
{
	static const struct {
		const char *name;
		uint64_t add, now;
		size_t n;
	} cases[] = {
		{"ring full", 3, 3, 1},		  {"mapping", 1, 1, 2},
		{"ring full", 4, 7, 2},		  {"zzz", 1, 1, 3},
		{"a", UINT64_MAX, UINT64_MAX, 4}, {"a", 1, UINT64_MAX, 4},
	};
	struct report_counts *c;
	struct report r;

	assert_int_equal(report_init(&r), 0);
	c = &r.loss.reasons;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t at = 0;

		assert_int_equal(report_count(c, cases[i].name, cases[i].add), 0);
		assert_int_equal(c->n, cases[i].n);
		while (at < c->n && strcmp(c->name[at], cases[i].name))
			at++;
		assert_true(at < c->n);
		assert_int_equal(c->count[at], cases[i].now);
	}
	for (size_t i = 1; i < c->n; i++)
		assert_true(strcmp(c->name[i - 1], c->name[i]) < 0);
	report_release(&r);
}

static void test_set(void **state)
{
	char *field = NULL;

	assert_int_equal(report_set(&field, "a\xff"), 0);
	assert_string_equal(field, "a" UTF8_REPLACEMENT);
	assert_int_equal(report_set(&field, NULL), 0);
	assert_null(field);
}

/* Names and numbers are unique in their type, numbers ascend from 1, and every field is documented. */
static void check_type(const struct wire_type *type, int *fields)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];

		assert_true(f->number > (i ? type->fields[i - 1].number : 0));
		assert_ptr_equal(wire_find(type, f->name, strlen(f->name)), f);
		assert_true(f->offset < type->size);
		assert_true(f->kind == WIRE_NEST || f->doc[0]);
		assert_true(!type->table || wire_kind_bytes(f->kind));
		if (f->kind == WIRE_NEST)
			check_type(f->type, fields);
		++*fields;
	}
	assert_true(type->doc[0]);
}

static void test_descriptors(void **state)
{
	int fields = 0, expected = 0;

#define FIELD(map, number, kind, name, doc) expected++;
#define COLUMN(table, number, kind, name, doc) expected++;
#define NEST(owner, number, type, name, doc) expected++;
#include "user/lib/profile/wire.def"
	check_type(&wire_report, &fields);
	assert_int_equal(fields, expected);
	assert_null(wire_find(&wire_report, "samplesX", 8));
	assert_null(wire_find(&wire_report, "sample", 6));
	assert_non_null(wire_find(&wire_report, "samplesX", 7));
}

static void test_compact(void **state)
{
	static const struct {
		uint64_t rate_hz, grain_ns;
	} grains[] = {
		{0, 1}, {1, 8388608}, {19, 524288}, {99, 131072}, {997, 8192}, {2000000000, 1},
	};
	struct report r;

	for (size_t i = 0; i < sizeof(grains) / sizeof(grains[0]); i++)
		assert_int_equal(compact_grain_ns(grains[i].rate_hz), grains[i].grain_ns);
	assert_int_equal(report_init(&r), 0);
	r.window.rate_hz = 19;
	assert_int_equal(report_phases_add(&r.phases), 0);
	r.phases.rate_hz[0] = 199;
	for (uint64_t i = 0; i < 100; i++) {
		assert_int_equal(report_samples_add(&r.samples), i);
		r.samples.t_ns[i] = i * i * 123457;
	}
	assert_int_equal(compact_report(&r), 0);
	for (uint64_t i = 0; i < 100; i++) {
		assert_int_equal(r.samples.t_ns[i] % 65536, 0);
		assert_in_range(i * i * 123457 - r.samples.t_ns[i], 0, 65535);
	}
	report_release(&r);
}

/* Every sum over a thread's slots stays right to half a grain; twice is the same as once. */
static void test_compact_timeline(void **state)
{
	uint64_t exact[3] = {0}, rounded[3] = {0};
	struct report r;
	size_t once;

	assert_int_equal(report_init(&r), 0);
	for (int t = 0; t < 3; t++)
		assert_int_equal(report_threads_add(&r.threads), t);
	for (uint32_t i = 0; i < 3000; i++) {
		assert_int_equal(report_timeline_add(&r.timeline), i);
		r.timeline.thread[i] = i % 3;
		r.timeline.slot[i] = i / 3;
		r.timeline.on_cpu_us[i] = i % 3 == 0 ? 10000 : i % 3 == 1 ? i * 7919 % 10001 : 7;
		r.timeline.wait_us[i] = i % 3 == 1 ? 3 : 0;
	}
	exact[0] = 10000 * 1000;
	for (uint32_t i = 1; i < 3000; i += 3)
		exact[1] += i * 7919 % 10001;
	exact[2] = 7 * 1000;
	assert_int_equal(compact_report(&r), 0);
	for (size_t i = 0; i < r.timeline.n; i++) {
		uint32_t t = r.timeline.thread[i];

		rounded[t] += r.timeline.on_cpu_us[i];
		assert_int_equal(r.timeline.on_cpu_us[i] % 100, 0);
		assert_true(t || r.timeline.on_cpu_us[i] == 10000);
		assert_true(r.timeline.on_cpu_us[i] || r.timeline.wait_us[i]);
	}
	for (int t = 0; t < 3; t++)
		assert_in_range(rounded[t] + 50 - exact[t], 0, 100);
	/* 7 us a slot: most of thread 2's slots are gone. */
	once = r.timeline.n;
	assert_in_range(once, 2000, 2000 + 7000 / 100);
	assert_int_equal(compact_report(&r), 0);
	assert_int_equal(r.timeline.n, once);
	report_release(&r);
}

static void test_is_set(void **state)
{
	const struct wire_field *cost = wire_find(&wire_report, "cost", 4);
	struct report r;

	assert_int_equal(report_init(&r), 0);
	assert_false(wire_is_set(cost->type, &r.cost));
	r.cost.present = true;
	assert_true(wire_is_set(cost->type, &r.cost));
	r.cost.present = false;
	r.cost.map_bytes = 1;
	assert_true(wire_is_set(cost->type, &r.cost));
	report_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8),	    cmocka_unit_test(test_utf8_places),
		cmocka_unit_test(test_intern),	    cmocka_unit_test(test_rows),
		cmocka_unit_test(test_counts),	    cmocka_unit_test(test_set),
		cmocka_unit_test(test_descriptors), cmocka_unit_test(test_is_set),
		cmocka_unit_test(test_compact),	    cmocka_unit_test(test_compact_timeline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
