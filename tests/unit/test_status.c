// SPDX-License-Identifier: BSD-2-Clause
/* JSON as it is read, and what the daemon and its clients say to each other. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/base/json_read.h"
#include "user/lib/base/out.h"
#include "user/lib/status/status.h"

static const char *const bad[] = {
	"",	 "{",	    "}",	   "[1,]",	"{\"a\":1,}", "{\"a\" 1}",
	"{a:1}", "nul",	    "truex",	   "01",	"-",	      "1.",
	".5",	 "1e",	    "+1",	   "0x10",	"nan",	      "inf",
	"\"a",	 "\"\\x\"", "\"\\u12g4\"", "\"\n\"",	"\"\xff",     "\"\xc0\x80\"",
	"1 2",	 "[1 2]",   "{\"a\":}",	   "\"\\u12\"", "[\"",	      "{\"a\":1 \"b\":2}",
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct json doc;
		size_t where = SIZE_MAX;

		if (!json_read(bad[i], strlen(bad[i]), &doc, &where))
			fail_msg("'%s' was read", bad[i]);
		assert_true(where <= strlen(bad[i]));
	}
}

static const struct {
	const char *json, *text;
} texts[] = {
	{"\"\"", ""},
	{" \"a\\\"b\\\\c\\/\\b\\f\\n\\r\\t\" ", "a\"b\\c/\b\f\n\r\t"},
	{"\"\\u0041\\u00e4\\u20AC\"", "A\xc3\xa4\xe2\x82\xac"},
	{"\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!"},
	{"\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
			       "A"},
	{"\"\\udc00\\u0000\"", "\xef\xbf\xbd\xef\xbf\xbd"},
	{"\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80"},
};

static const struct {
	const char *json;
	double number;
} numbers[] = {
	{"0", 0},
	{"-0.5", -0.5},
	{"1e3", 1000},
	{"12.25E-2", 0.1225},
	{"1e999", INFINITY},
	{"18446744073709551615", 18446744073709551615.0},
};

static void test_values(void **state)
{
	struct json doc;
	size_t where;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(json_read(texts[i].json, strlen(texts[i].json), &doc, &where), 0);
		assert_string_equal(json_text(doc.values, "?"), texts[i].text);
		json_release(&doc);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(json_read(numbers[i].json, strlen(numbers[i].json), &doc, &where),
				 0);
		assert_true(json_number(doc.values, NAN) == numbers[i].number);
		assert_string_equal(json_text(doc.values, "?"), "?");
		json_release(&doc);
	}
}

static void test_tree(void **state)
{
	static const char json[] = "{\"a\": [1, [], {\"b\": null}], \"c\": true, \"d\": {}}";
	const struct json_value *a, *v;
	struct json doc;
	size_t where;

	assert_int_equal(json_read(json, strlen(json), &doc, &where), 0);
	a = json_member(&doc, doc.values, "a");
	assert_int_equal(a->n, 3);
	v = json_first(&doc, a);
	assert_true(json_number(v, 0) == 1);
	v = json_next(&doc, v);
	assert_int_equal(v->type, JSON_ARRAY);
	assert_null(json_first(&doc, v));
	v = json_next(&doc, v);
	assert_int_equal(json_member(&doc, v, "b")->type, JSON_NULL);
	assert_null(json_next(&doc, v));
	assert_int_equal(json_member(&doc, doc.values, "c")->type, JSON_TRUE);
	assert_int_equal(json_member(&doc, doc.values, "d")->n, 0);
	assert_null(json_member(&doc, doc.values, "e"));
	assert_null(json_member(&doc, a, "e"));
	json_release(&doc);
}

static void test_deep(void **state)
{
	char text[200];
	struct json doc;
	size_t where;

	memset(text, '[', 100);
	memset(text + 100, ']', 100);
	assert_int_equal(json_read(text + 100 - JSON_DEPTH_MAX, 2 * JSON_DEPTH_MAX, &doc, &where),
			 0);
	json_release(&doc);
	assert_int_equal(json_read(text, 200, &doc, &where), -EINVAL);
	assert_int_equal(where, JSON_DEPTH_MAX + 1);
}

/* Every field of status.def with a value of its own: what is written is what is read. */
static void fill(struct status *s)
{
	uint64_t n = 1;

	status_init(s);
#define FILL_TEXT(of, name) assert_int_equal(status_set(&of name, #name " \"\n\xe2\x82\xac"), 0)
#define FILL_COUNT(of, name) of name = n++
#define FILL_NUMBER(of, name) of name = n++ / 8.0
#define ROWS(name)                                                                                 \
	for (int row = 0; row < 20; row++) {                                                       \
		struct status_##name *r = status_add_##name(s);                                    \
		assert_non_null(r);
#define SECTION(name)                                                                              \
	{                                                                                          \
		struct status_##name *r = &s->name;
#define TABLE(name) ROWS(name)
#define FIELD(of, kind, name, doc) FILL_##kind(r->, name);
#define END_SECTION(name) }
#define END_TABLE(name) }
#include "user/lib/status/status.def"
}

static void test_round_trip(void **state)
{
	char error[STATUS_ERROR_BYTES];
	struct status s, back;
	struct out a, b;

	fill(&s);
	out_init(&a, -1);
	out_init(&b, -1);
	status_write(&s, &a);
	assert_ptr_equal(memchr(a.data, '\n', a.n), a.data + a.n - 1);
	assert_int_equal(status_read(a.data, a.n, &back, error), 0);
	assert_int_equal(back.n_clients, 20);
	assert_string_equal(back.triggers[19].report, "report \"\n\xe2\x82\xac");
	assert_true(back.rules[3].level == s.rules[3].level && s.rules[3].level > 0);
	status_write(&back, &b);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.data, b.data, a.n);
	status_release(&s);
	status_release(&back);
	out_release(&a);
	out_release(&b);
}

static void test_missing(void **state)
{
	static const char line[] = "{\"schema\":\"backdraft.status/1\",\"from_the_future\":[1],"
				   "\"clients\":[{\"name\":\"a\",\"cpus\":null,\"threads\":-1}],"
				   "\"rules\":7,\"agent\":[],\"ring\":{\"bytes\":\"many\"}}\n";
	char error[STATUS_ERROR_BYTES];
	struct status s;

	assert_int_equal(status_read(line, strlen(line), &s, error), 0);
	assert_int_equal(s.n_clients, 1);
	assert_string_equal(s.clients[0].name, "a");
	assert_string_equal(s.clients[0].note, "");
	assert_true(isnan(s.clients[0].cpus) && isnan(s.clients[0].normal_low));
	assert_int_equal(s.clients[0].threads, 0);
	assert_int_equal(s.n_rules, 0);
	assert_string_equal(s.agent.version, "");
	status_release(&s);
}

static const struct {
	const char *line;
	int status;
	const char *error;
} answers[] = {
	{"{\"error\":\"no client 'x'\"}", -EREMOTEIO, "no client 'x'"},
	{"{}", -EINVAL, "the answer is no backdraft.status/1"},
	{"[]", -EINVAL, "the answer is no backdraft.status/1"},
	{"{\"a", -EINVAL, "the answer is no JSON at byte 3"},
};

static void test_answers(void **state)
{
	char error[STATUS_ERROR_BYTES], *text;
	struct status s;
	struct out out;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		assert_int_equal(status_read(answers[i].line, strlen(answers[i].line), &s, error),
				 answers[i].status);
		assert_string_equal(error, answers[i].error);
	}
	out_init(&out, -1);
	status_write_text(&out, "it is \"so\"");
	assert_int_equal(status_read_text(out.data, out.n, &text, error), 0);
	assert_string_equal(text, "it is \"so\"");
	free(text);
	out_release(&out);
	out_init(&out, -1);
	status_write_error(&out, "no");
	assert_int_equal(status_read_text(out.data, out.n, &text, error), -EREMOTEIO);
	assert_string_equal(error, "no");
	out_release(&out);
	assert_int_equal(status_read_text("{}", 2, &text, error), -EINVAL);
}

static void test_requests(void **state)
{
	static const struct status_request requests[] = {
		{STATUS_STATUS, ""}, {STATUS_TOP, ""}, {STATUS_TRIGGER, "a \"b\"\n"}};
	char error[STATUS_ERROR_BYTES], line[400];

	for (size_t i = 0; i < 3; i++) {
		struct status_request back = {0};
		struct out out;

		out_init(&out, -1);
		status_request_write(&requests[i], &out);
		assert_ptr_equal(memchr(out.data, '\n', out.n), out.data + out.n - 1);
		assert_int_equal(status_request_read(out.data, out.n, &back, error), 0);
		assert_int_equal(back.verb, requests[i].verb);
		assert_string_equal(back.client, requests[i].client);
		out_release(&out);
	}
	assert_int_equal(
		status_request_read("{\"verb\":\"x\"}", 12, &(struct status_request){0}, error),
		-EINVAL);
	assert_string_equal(error, "no verb 'x'; there are status, top, trigger");
	snprintf(line, sizeof(line), "{\"verb\":\"trigger\",\"client\":\"%0256d\"}", 7);
	assert_int_equal(
		status_request_read(line, strlen(line), &(struct status_request){0}, error),
		-EINVAL);
	assert_string_equal(error, "the name of a client has at most 255 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),	   cmocka_unit_test(test_values),
		cmocka_unit_test(test_tree),	   cmocka_unit_test(test_deep),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_missing),
		cmocka_unit_test(test_answers),	   cmocka_unit_test(test_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
