// SPDX-License-Identifier: BSD-2-Clause
/* Bodies to reports: both formats, batches, what a newer agent sends, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <zlib.h>

#include "fill.h"
#include "server/pack.h"
#include "server_world.h"
#include "user/lib/profile/json.h"
#include "user/lib/profile/json_pack.h"

static bool yes(void *ctx, uint64_t bytes)
{
	return true;
}

static bool no(void *ctx, uint64_t bytes)
{
	return false;
}

static void unpacked(const struct out *from, struct out *to)
{
	out_init(to, -1);
	assert_int_equal(pack_inflate((uint8_t *)from->data, from->n, 64 << 20, yes, NULL, to), 0);
}

static void packed(const void *data, size_t size, struct out *to)
{
	out_init(to, -1);
	assert_int_equal(pack_deflate(data, size, to), 0);
}

/* Reads one report of a parcel back. */
static void decode_item(const struct parcel *p, size_t i, struct report *ret)
{
	char error[CODEC_ERROR_BYTES];

	assert_int_equal(report_decode(p->items[i].bytes, p->items[i].size, NULL, ret, error), 0);
}

static void expect_report(struct world *w, bool json, const struct out *body,
			  const struct report *r)
{
	struct parcel p;
	struct answer a;
	struct report back;

	assert_int_equal(world_read(w, json, body->data, body->n, &p, &a), 0);
	assert_int_equal(p.n, 1);
	decode_item(&p, 0, &back);
	assert_false(fill_differs(&wire_report, r, &back));
	report_release(&back);
	parcel_release(&p);
}

/* One report in each of the four forms is the same report. */
static void test_forms(void **state)
{
	struct out bdr, bare, text, text_gz;
	struct world w;
	struct report r;

	world_init(&w);
	world_report(&r, 3, "shop");
	world_encode(&r, &bdr);
	unpacked(&bdr, &bare);
	out_init(&text, -1);
	json_report(&r, &text);
	packed(text.data, text.n, &text_gz);
	expect_report(&w, false, &bdr, &r);
	expect_report(&w, false, &bare, &r);
	expect_report(&w, true, &text, &r);
	expect_report(&w, true, &text_gz, &r);
	out_release(&bdr);
	out_release(&bare);
	out_release(&text);
	out_release(&text_gz);
	report_release(&r);
	world_release(&w);
}

static void put_text(struct out *o, const char *text)
{
	out_char(o, (char)(0xa0 | strlen(text)));
	out_text(o, text);
}

/* {"schema": …, "id": …, "later": {"a": [1, "x"]}}: the fields that nobody here knows stay. */
static void test_newer(void **state)
{
	struct parcel p;
	struct answer a;
	struct world w;
	struct report back;
	struct out body;

	world_init(&w);
	for (int form = 0; form < 2; form++) {
		out_init(&body, -1);
		if (form) {
			out_text(&body, "{\"schema\":\"backdraft.report/1\",\"id\":"
					"\"0102030405060708090a0b0c0d0e0f10\","
					"\"later\":{\"a\":[1,\"x\"]}}");
		} else {
			out_char(&body, (char)0x83);
			put_text(&body, "schema");
			put_text(&body, "backdraft.report/1");
			put_text(&body, "id");
			out_write(&body, "\xc4\x10\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20", 18);
			put_text(&body, "later");
			out_write(&body,
				  "\x81\xa1"
				  "a\x92\x01\xa1x",
				  7);
		}
		assert_int_equal(world_read(&w, form, body.data, body.n, &p, &a), 0);
		decode_item(&p, 0, &back);
		assert_int_equal(back.id[0], 1);
		assert_int_equal(back.id[15], 16);
		assert_int_equal(back.unknown.n, 1);
		assert_string_equal(back.unknown.name[0], "later");
		if (!form)
			assert_memory_equal(back.unknown.data[0],
					    "\x81\xa1"
					    "a\x92\x01\xa1x",
					    7);
		report_release(&back);
		parcel_release(&p);
		out_release(&body);
	}
	world_release(&w);
}

/* Two reports in an array, of each format; the second one is bad: nothing of it is taken. */
static void test_batches(void **state)
{
	struct out one, two, bare_one, bare_two, body;
	struct world w;
	struct parcel p;
	struct answer a;
	struct report r;

	world_init(&w);
	world_report(&r, 1, "shop");
	world_encode(&r, &one);
	r.id[0] = 2;
	world_encode(&r, &two);
	unpacked(&one, &bare_one);
	unpacked(&two, &bare_two);
	out_init(&body, -1);
	out_char(&body, (char)0x92);
	out_write(&body, bare_one.data, bare_one.n);
	out_write(&body, bare_two.data, bare_two.n);
	assert_int_equal(world_read(&w, false, body.data, body.n, &p, &a), 0);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.items[0].digest->id[0], 1);
	assert_int_equal(p.items[1].digest->id[0], 2);
	parcel_release(&p);
	assert_int_equal(world_read(&w, false, body.data, body.n - 1, &p, &a), -EINVAL);
	assert_int_equal(a.status, 400);
	answer_release(&a);
	out_char(&body, 0);
	assert_int_equal(world_read(&w, false, body.data, body.n, &p, &a), -EINVAL);
	assert_int_equal(a.status, 400);
	answer_release(&a);
	out_release(&body);

	out_init(&body, -1);
	out_char(&body, '[');
	json_report(&r, &body);
	out_char(&body, ',');
	r.id[0] = 1;
	json_report(&r, &body);
	out_char(&body, ']');
	assert_int_equal(world_read(&w, true, body.data, body.n, &p, &a), 0);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.items[0].digest->id[0], 2);
	parcel_release(&p);
	w.config.limits.batch_reports = 1;
	assert_int_equal(world_read(&w, true, body.data, body.n, &p, &a), -EINVAL);
	assert_int_equal(a.status, 413);
	answer_release(&a);
	out_release(&body);
	out_release(&one);
	out_release(&two);
	out_release(&bare_one);
	out_release(&bare_two);
	report_release(&r);
	world_release(&w);
}

static void test_refused(void **state)
{
#define ID "\"id\":\"0102030405060708090a0b0c0d0e0f10\""
#define SCHEMA "\"schema\":\"backdraft.report/1\""
	static const struct {
		bool json;
		const char *body;
		size_t size;
		unsigned int status;
	} cases[] = {
		{false, "", 0, 400},
		{false, "hello", 5, 400},
		{false, "\x1f\x8b", 2, 400},
		{false, "\x80", 1, 400},
		{false, "\xc1", 1, 400},
		{false, "\xdd\xff\xff\xff\xff", 5, 413},
		{false, "\xdf\xff\xff\xff\xff", 5, 400},
		{false, "\x92\x80", 2, 400},
		{true, "", 0, 400},
		{true, "{", 1, 400},
		{true, "nul", 3, 400},
		{true, "[]x", 3, 400},
		{true, "{}", 2, 400},
		{true, "{" SCHEMA "}", sizeof("{" SCHEMA "}") - 1, 422},
		{true, "{" SCHEMA ",\"id\":\"01\"}", sizeof("{" SCHEMA ",\"id\":\"01\"}") - 1, 400},
		{true, "{" SCHEMA "," ID "," ID "}", sizeof("{" SCHEMA "," ID "," ID "}") - 1, 400},
		{true, "{\"schema\":\"other/1\"," ID "}",
		 sizeof("{\"schema\":\"other/1\"," ID "}") - 1, 400},
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct parcel p;
		struct answer a;

		assert_int_equal(
			world_read(&w, cases[i].json, cases[i].body, cases[i].size, &p, &a),
			-EINVAL);
		if (a.status != cases[i].status)
			fail_msg("case %zu: %u (%.*s)", i, a.status, (int)a.n, a.data);
		assert_int_equal(strncmp(a.data, "{\"error\":\"", 10), 0);
		answer_release(&a);
	}
	world_release(&w);
}

/* A million levels take no stack, and 128 MB of nothing no memory. */
static void test_bombs(void **state)
{
	static uint8_t deep[1 << 20];
	struct out bomb, twice;
	struct world w;
	struct parcel p;
	struct answer a;
	z_stream zip = {0};

	world_init(&w);
	memset(deep, 0x91, sizeof(deep));
	assert_int_equal(world_read(&w, false, deep, sizeof(deep), &p, &a), -EINVAL);
	assert_int_equal(a.status, 400);
	answer_release(&a);
	memset(deep, '[', sizeof(deep));
	assert_int_equal(world_read(&w, true, deep, sizeof(deep), &p, &a), -EINVAL);
	assert_int_equal(a.status, 413);
	answer_release(&a);

	/* 0x91 so that it goes on as an array of arrays. */
	memset(deep, 0x91, sizeof(deep));
	out_init(&bomb, -1);
	assert_int_equal(deflateInit2(&zip, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
	for (int i = 0; i < 128; i++) {
		static uint8_t step[1 << 20];

		zip.next_in = deep;
		zip.avail_in = sizeof(deep);
		zip.next_out = step;
		zip.avail_out = sizeof(step);
		deflate(&zip, i == 127 ? Z_FINISH : Z_NO_FLUSH);
		out_write(&bomb, step, sizeof(step) - zip.avail_out);
	}
	deflateEnd(&zip);
	assert_in_range(bomb.n, 100000, 200000);
	assert_int_equal(world_read(&w, false, bomb.data, bomb.n, &p, &a), -EINVAL);
	assert_int_equal(a.status, 413);
	answer_release(&a);
	packed(bomb.data, bomb.n, &twice);
	assert_int_equal(world_read(&w, false, twice.data, twice.n, &p, &a), -EINVAL);
	assert_int_equal(a.status, 400);
	answer_release(&a);
	out_release(&bomb);
	out_release(&twice);
	world_release(&w);
}

/* Where memory is refused the sender is asked to wait, and all is given back. */
static uint64_t held;

static void give_back(void *ctx, uint64_t bytes)
{
	held += bytes;
}

static void test_memory(void **state)
{
	const struct body_memory none = {no, give_back, NULL};
	struct world w;
	struct parcel p;
	struct answer a = {0};

	world_init(&w);
	assert_int_equal(body_read(&w.config.limits, &none, true, (const uint8_t *)"[]", 2, &p, &a),
			 -EINVAL);
	assert_int_equal(a.status, 503);
	assert_int_equal(a.retry_s, 5);
	assert_int_equal(held, 0);
	answer_release(&a);
	world_release(&w);
}

/* Numbers that a double would not hold. */
static void test_json_numbers(void **state)
{
	static const struct {
		const char *text, *packed;
		size_t size;
	} cases[] = {
		{"0", "\0", 1},
		{"127", "\x7f", 1},
		{"128", "\xcf\0\0\0\0\0\0\0\x80", 9},
		{"-1", "\xd3\xff\xff\xff\xff\xff\xff\xff\xff", 9},
		{"-0", "\0", 1},
		{"18446744073709551615", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9},
		{"-9223372036854775808", "\xd3\x80\0\0\0\0\0\0\0", 9},
		{"1.5", "\xcb\x3f\xf8\0\0\0\0\0\0", 9},
		{"1e2", "\xcb\x40\x59\0\0\0\0\0\0", 9},
		{"18446744073709551616", "\xcb\x43\xf0\0\0\0\0\0\0", 9},
		{"null", "\xc0", 1},
		{" true ", "\xc3", 1},
		{"\"a\\u00e9\"", "\xdb\0\0\0\3a\xc3\xa9", 8},
		{"[1,[]]", "\xdd\0\0\0\2\1\xdd\0\0\0\0", 11},
		{"{\"a\":{}}", "\xdf\0\0\0\1\xdb\0\0\0\1a\xdf\0\0\0\0", 16},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct out out;
		size_t at;

		out_init(&out, -1);
		assert_int_equal(
			json_pack(cases[i].text, strlen(cases[i].text), NULL, 1000, &out, &at), 0);
		if (out.n != cases[i].size || memcmp(out.data, cases[i].packed, out.n))
			fail_msg("%s is packed wrongly", cases[i].text);
		out_release(&out);
	}
}

static void test_value_size(void **state)
{
	static const struct {
		const char *bytes;
		size_t given, size;
	} cases[] = {
		{"\x01", 1, 1},
		{"\xc0", 1, 1},
		{"\xc1", 1, 0},
		{"\xa3"
		 "abc",
		 4, 4},
		{"\xa3"
		 "ab",
		 3, 0},
		{"\xd9\x02"
		 "ab",
		 4, 4},
		{"\x92\x01\x02", 3, 3},
		{"\x92\x01", 2, 0},
		{"\x81\xa1k\x05", 4, 4},
		{"\xdd\xff\xff\xff\xff\x01", 6, 0},
		{"\xcb", 1, 0},
		{"\xd8\1234567890123456", 18, 18},
		{"\xdf\xff\xff\xff\xff", 5, 0},
		{"\xc7\x01\x05x", 4, 4},
		{"\xc6\xff\xff\xff\xff", 5, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (pack_value_size((const uint8_t *)cases[i].bytes, cases[i].given) !=
		    cases[i].size)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),	     cmocka_unit_test(test_newer),
		cmocka_unit_test(test_batches),	     cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bombs),	     cmocka_unit_test(test_memory),
		cmocka_unit_test(test_json_numbers), cmocka_unit_test(test_value_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
