// SPDX-License-Identifier: BSD-2-Clause
/* What the uploader makes of answers and failures, and what the spool drops: numbers and texts in,
 * decisions out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/upload/answer.h"
#include "user/lib/upload/backoff.h"
#include "user/lib/upload/spool_policy.h"

#define ID "000102030405060708090a0b0c0d0e0f"
#define OTHER "ff0102030405060708090a0b0c0d0e0f"
#define DONE "{\"reports\":[{\"id\":\"" ID "\",\"stored\":true}]}"

static const uint8_t id[REPORT_ID_BYTES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static const struct {
	int status;
	const char *body;
	enum answer_verdict verdict;
	const char *text;
} answers[] = {
	{200, DONE, ANSWER_DELIVERED, ""},
	{200, "{\"reports\":[{\"id\":\"" ID "\",\"stored\":false}]}", ANSWER_DELIVERED, ""},
	{200, "{\"reports\":[{\"id\":\"" OTHER "\",\"stored\":true},{\"id\":\"" ID "\",\"stored\":true}]}",
	 ANSWER_DELIVERED, ""},
	{200, "{\"reports\":[{\"id\":\"" OTHER "\",\"stored\":true}]}", ANSWER_WAIT,
	 "HTTP 200, but the answer does not name the report: is this a receiver?"},
	{200, "{\"reports\":[{\"id\":\"" ID "\"}]}", ANSWER_WAIT,
	 "HTTP 200, but the answer does not name the report: is this a receiver?"},
	{200, "{\"reports\":[{\"id\":\"" ID "\",\"stored\":\"yes\"}]}", ANSWER_WAIT,
	 "HTTP 200, but the answer does not name the report: is this a receiver?"},
	{200, "{\"reports\":{\"id\":\"" ID "\",\"stored\":true}}", ANSWER_WAIT,
	 "HTTP 200, but the answer does not name the report: is this a receiver?"},
	{200, "[]", ANSWER_WAIT,
	 "HTTP 200, but the answer does not name the report: is this a receiver?"},
	{200, "", ANSWER_WAIT, "HTTP 200, but the answer is not a receiver's"},
	{200, "<html>welcome to our hotel</html>", ANSWER_WAIT,
	 "HTTP 200, but the answer is not a receiver's"},
	{200, DONE "x", ANSWER_WAIT, "HTTP 200, but the answer is not a receiver's"},
	{201, DONE, ANSWER_WAIT, "HTTP 201 without the receiver's reason"},
	{204, "", ANSWER_WAIT, "HTTP 204 without the receiver's reason"},
	{302, "", ANSWER_WAIT,
	 "HTTP 302: it redirects, which is not followed; set url to where it points"},
	{400, "{\"error\":\"not a backdraft report\"}", ANSWER_REJECTED,
	 "HTTP 400: not a backdraft report"},
	{413, "<html>", ANSWER_REJECTED, "HTTP 413 without the receiver's reason"},
	{422, "{\"error\":\"a\\nb\\u001b[31mred\"}", ANSWER_REJECTED, "HTTP 422: a b [31mred"},
	{401, "{\"error\":\"no token\"}", ANSWER_TOKEN, "HTTP 401: no token"},
	{403, "", ANSWER_TOKEN, "HTTP 403 without the receiver's reason"},
	{404, "", ANSWER_WAIT, "HTTP 404 without the receiver's reason"},
	{408, "", ANSWER_WAIT, "HTTP 408 without the receiver's reason"},
	{429, "{\"error\":\"too many\"}", ANSWER_WAIT, "HTTP 429: too many"},
	{500, "{\"error\":7}", ANSWER_WAIT, "HTTP 500 without the receiver's reason"},
	{503, "{}", ANSWER_WAIT, "HTTP 503 without the receiver's reason"},
	{507, "{\"error\":\"disk full\"}", ANSWER_WAIT, "HTTP 507: disk full"},
};

static void test_answers(void **state)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct answer a;

		answer_report(answers[i].status, answers[i].body, strlen(answers[i].body), id, &a);
		assert_string_equal(a.text, answers[i].text);
		assert_int_equal(a.verdict, answers[i].verdict);
	}
}

static void test_stored(void **state)
{
	struct answer a;

	answer_report(200, DONE, strlen(DONE), id, &a);
	assert_true(a.stored);
	answer_report(200, answers[1].body, strlen(answers[1].body), id, &a);
	assert_false(a.stored);
}

static void test_heartbeats(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum answer_verdict verdict;
		bool facts;
	} rows[] = {
		{200, "{\"accepted\":3,\"facts_wanted\":true}", ANSWER_DELIVERED, true},
		{200, "{\"accepted\":0,\"facts_wanted\":false}", ANSWER_DELIVERED, false},
		{200, "{\"accepted\":1}", ANSWER_DELIVERED, false},
		{200, "{\"facts_wanted\":true}", ANSWER_WAIT, false},
		{200, "ok", ANSWER_WAIT, false},
		{400, "{\"error\":\"no\"}", ANSWER_REJECTED, false},
		{503, "", ANSWER_WAIT, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer a;

		answer_heartbeats(rows[i].status, rows[i].body, strlen(rows[i].body), &a);
		assert_int_equal(a.verdict, rows[i].verdict);
		assert_int_equal(a.facts_wanted, rows[i].facts);
	}
}

/* A sentence of any length and any bytes is one line of at most 500. */
static void test_scrub(void **state)
{
	char text[ANSWER_TEXT_BYTES], *big = malloc(100000);

	answer_scrub("  a\t\tb\r\n\x7f\xc2\x9f c \x1b]0;x\x07 ", 21, text);
	assert_string_equal(text, "a b c ]0;x");
	answer_scrub("a\xffz", 3, text);
	assert_string_equal(text, "a\xef\xbf\xbdz");
	memset(big, 'x', 100000);
	answer_scrub(big, 100000, text);
	assert_int_equal(strlen(text), 500);
	for (int i = 0; i < 99999; i += 3)
		memcpy(big + i, "\xe2\x82\xac", 3);
	answer_scrub(big, 99999, text);
	assert_int_equal(strlen(text), 498);
	answer_scrub("", 0, text);
	assert_string_equal(text, "");
	free(big);
}

static void test_too_large(void **state)
{
	size_t size = ANSWER_BODY_MAX + 1;
	char *body = malloc(size);
	struct answer a;

	memset(body, ' ', size);
	memcpy(body, DONE, strlen(DONE));
	answer_report(200, body, size - 1, id, &a);
	assert_int_equal(a.verdict, ANSWER_DELIVERED);
	answer_report(200, body, size, id, &a);
	assert_int_equal(a.verdict, ANSWER_WAIT);
	free(body);
}

static void test_backoff(void **state)
{
	static const uint64_t bounds[] = {1000,	 2000,	 4000,	 8000,	 16000,	 32000,
					  64000, 128000, 256000, 300000, 300000, 300000};
	struct backoff least = {0}, most = {0}, half = {0};

	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		assert_int_equal(backoff_failed(&least, 5, -1, 0), 0);
		assert_int_equal(backoff_failed(&most, 5, -1, UINT32_MAX), bounds[i]);
		assert_in_range(backoff_failed(&half, 5, -1, 1u << 31), bounds[i] / 2,
				bounds[i] / 2 + 1);
	}
	/* Retry-After is the least, and is bounded. */
	assert_int_equal(backoff_failed(&most, 5, 10, 0), 10000);
	assert_int_equal(backoff_failed(&most, 5, 10, UINT32_MAX), 12500);
	assert_int_equal(backoff_failed(&most, 5, 0, UINT32_MAX), 0);
	assert_int_equal(backoff_failed(&most, 5, 999999, 0), 3600 * 1000);
	assert_int_equal(backoff_failed(&most, 5, 999999, UINT32_MAX), 3660 * 1000);
}

/* The first success after an outage is followed by a pause of its own for each host. */
static void test_outage(void **state)
{
	struct backoff b = {0};

	assert_int_equal(backoff_succeeded(&b, 1000, UINT32_MAX), 0);
	backoff_failed(&b, 1000, -1, 0);
	assert_int_equal(backoff_succeeded(&b, 60999, UINT32_MAX), 0);
	backoff_failed(&b, 1000, -1, 0);
	backoff_failed(&b, 30000, -1, 0);
	assert_int_equal(backoff_succeeded(&b, 61000, UINT32_MAX), 60000);
	assert_int_equal(backoff_succeeded(&b, 61001, UINT32_MAX), 0);
	backoff_failed(&b, 1000, -1, 0);
	assert_int_equal(backoff_succeeded(&b, 86400000, UINT32_MAX), 60000);
	backoff_failed(&b, 1000, -1, 0);
	assert_int_equal(backoff_succeeded(&b, 86400000, 0), 0);
	backoff_failed(&b, 1000, -1, 0);
	assert_int_equal(b.failures, 1);
}

static void test_retry_after(void **state)
{
	static const struct {
		const char *value;
		int64_t seconds;
	} rows[] = {
		{"0", 0},
		{"120", 120},
		{"3600", 3600},
		{"3601", 3600},
		{"99999999999999999999999999", 3600},
		{"-1", -1},
		{"1.5", -1},
		{"", -1},
		{"soon", -1},
		{"12 ", -1},
		{"Fri, 31 Dec 1999 23:59:59 GMT", 59},
		{"Friday, 31-Dec-99 23:59:59 GMT", 59},
		{"Fri Dec 31 23:59:59 1999", 59},
		{"Fri, 31 Dec 1999 23:00:00 GMT", 0},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 3600},
		{"Fri, 31 Dec 1999 23:59:59", -1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(retry_after_parse(rows[i].value, 946684740), rows[i].seconds);
}

static int by_drop(const void *a, const void *b)
{
	return spool_drop_order(*(char *const *)a, *(char *const *)b);
}

static void test_drop_order(void **state)
{
	static const char *const order[] = {
		"20240102T000000Z-deviation-b-" ID ".bdr",
		"20240109T000000Z-deviation-a-" ID ".bdr",
		"20240101T000000Z-pressure-a-" ID ".bdr",
		"20240101T000000Z-throttled-a-" ID ".bdr",
		"20240101T000000Z-starvation-a-" ID ".bdr",
		"20240103T000000Z-threshold-crash-" ID ".bdr",
		"20230101T000000Z-crash-00010203.bdr", /* an old name: a client "crash" */
		"20240101T000000Z-other-a-" ID ".bdr",
		"20240101T000000Z-manual-a-" ID ".bdr",
		"20240101T000000Z-oom-a-" ID ".bdr",
		"20240101T000000Z-crash-a-b-" ID ".bdr",
		"20240102T000000Z-crash-a-b-" ID ".bdr",
	};
	const size_t n = sizeof(order) / sizeof(order[0]);
	const char *mixed[sizeof(order) / sizeof(order[0])];

	for (size_t i = 0; i < n; i++)
		mixed[i] = order[i * 5 % n];
	qsort(mixed, n, sizeof(*mixed), by_drop);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(mixed[i], order[i]);
}

static void test_names(void **state)
{
	char name[SPOOL_NAME], client[SPOOL_CLIENT_BYTES];
	struct report r;

	assert_int_equal(report_init(&r), 0);
	memcpy(r.id, id, sizeof(id));
	r.window.trigger_ns = 1700000000ll * 1000000000;
	assert_int_equal(report_set(&r.trigger.kind, "oom"), 0);
	spool_name(&r, "shop/a b-c", name);
	assert_string_equal(name, "20231114T221320Z-oom-shop_a_b-c-" ID);
	assert_string_equal(spool_rank_name(spool_rank(name)), "oom");
	spool_client(name, client);
	assert_string_equal(client, "shop_a_b-c");
	assert_int_equal(report_set(&r.trigger.kind, "../../x"), 0);
	spool_name(&r, "x", name);
	assert_string_equal(name, "20231114T221320Z-other-x-" ID);
	spool_client("20231114T221320Z-shop-00010203.bdr", client);
	assert_string_equal(client, "shop");
	spool_client("-", client);
	assert_string_equal(client, "");
	spool_client("", client);
	assert_string_equal(client, "");
	report_release(&r);
}

static void test_room(void **state)
{
	static const struct {
		uint64_t size, free, used, more, excess;
	} rows[] = {
		/* 1 TB: 512 MB */
		{1000ull << 30, 900ull << 30, 100u << 20, 1u << 20, 0},
		{1000ull << 30, 900ull << 30, 512u << 20, 1u << 20, 1u << 20},
		/* 1000 MB: a tenth of it */
		{1000u << 20, 900u << 20, 100u << 20, 0, 0},
		{1000u << 20, 900u << 20, 90u << 20, 20u << 20, 10u << 20},
		/* 5 % stay free, whoever took the rest; never more than there is */
		{1000u << 20, 51u << 20, 10u << 20, 1u << 20, 0},
		{1000u << 20, 50u << 20, 10u << 20, 1u << 20, 1u << 20},
		{1000u << 20, 10u << 20, 10u << 20, 1u << 20, 10u << 20},
		{1000u << 20, 0, 0, 1u << 20, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spool_disk disk = {rows[i].size, rows[i].free};

		assert_int_equal(spool_excess_bytes(&spool_limits_default, &disk, rows[i].used,
						    rows[i].more),
				 rows[i].excess);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),	   cmocka_unit_test(test_stored),
		cmocka_unit_test(test_heartbeats), cmocka_unit_test(test_scrub),
		cmocka_unit_test(test_too_large),  cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_outage),	   cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_drop_order), cmocka_unit_test(test_names),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
