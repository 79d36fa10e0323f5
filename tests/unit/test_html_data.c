// SPDX-License-Identifier: BSD-2-Clause
/* What the page is given: unpacked here as the page does it, and compared byte by byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "user/lib/view/html_data.h"
#include "user/lib/view/html_stream.h"
#include "user/lib/base/out.h"
#include "user/lib/profile/report.h"

static int digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	assert_non_null(at);
	return at - digits;
}

/* base64 (RFC 4648) and zlib undone; the caller frees. */
static uint8_t *unpack(const struct out *text, size_t *ret_size)
{
	size_t n = 0, cap = 4 << 20;
	uint8_t *packed = malloc(text->n + 3), *plain = malloc(cap);
	uLongf size = cap;

	assert_non_null(packed);
	assert_non_null(plain);
	assert_int_equal(text->n % 4, 0);
	for (size_t i = 0; i < text->n; i += 4) {
		const char *c = text->data + i;
		int pad = (c[3] == '=') + (c[2] == '=');
		uint32_t v = digit(c[0]) << 18 | digit(c[1]) << 12 |
			     (pad > 1 ? 0 : digit(c[2]) << 6) | (pad ? 0 : digit(c[3]));

		assert_true(!pad || i + 4 == text->n);
		packed[n] = v >> 16;
		packed[n + 1] = v >> 8;
		packed[n + 2] = v;
		n += 3 - pad;
	}
	assert_int_equal(uncompress(plain, &size, packed, n), Z_OK);
	free(packed);
	*ret_size = size;
	return plain;
}

static void test_stream_round_trip(void **state)
{
	static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 32767, 32768, 32769, 300001, 2000000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct html_stream *s = calloc(1, sizeof(*s));
		uint8_t *data = malloc(sizes[i] + 1), *back;
		uint32_t random = 12345 + i;
		struct out text;
		size_t n;

		for (size_t k = 0; k < sizes[i]; k++)
			data[k] = (random = random * 1664525 + 1013904223) >> 24;
		out_init(&text, -1);
		assert_int_equal(html_stream_init(s, out_callback, &text), 0);
		for (size_t k = 0, piece; k < sizes[i]; k += piece) {
			piece = 1 + k % 50000;
			if (piece > sizes[i] - k)
				piece = sizes[i] - k;
			html_stream_put(s, data + k, piece);
		}
		assert_int_equal(html_stream_finish(s), 0);
		back = unpack(&text, &n);
		assert_int_equal(n, sizes[i]);
		assert_memory_equal(back, data, n);
		free(back);
		free(data);
		free(s);
		out_release(&text);
	}
}

static void fill(struct report *r)
{
	assert_int_equal(report_init(r), 0);
	report_set(&r->host.label, "</script>\n\"\\");
	r->window.start_ns = 1763776800000000001;
	r->host.cpus = 2;
	report_count(&r->dump.registers, "rax", UINT64_MAX);
	report_count(&r->dump.registers, "rbx", 5);
	for (int i = 0; i < 3; i++) {
		int64_t row = report_samples_add(&r->samples);

		assert_int_equal(row, i);
		r->samples.t_ns[row] = 1000000 + i;
		r->samples.stack[row] = i - 1;
		r->samples.weight_ns[row] = i == 1 ? UINT64_MAX : 7;
	}
}

static void test_report(void **state)
{
	/* t_ns as differences, thread, stack zigzag, weight_ns plain as one is too large, cpu */
	static const uint8_t columns[] = {
		0x80, 0x89, 0x7a, 2,	2,    0,    0,	  0,	1, 0, 2, 7, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 7, 0, 0, 0,
	};
	struct report r = {0};
	struct out text;
	uint8_t *plain;
	const char *json;
	size_t n;

	fill(&r);
	out_init(&text, -1);
	assert_int_equal(html_data_write(&r, out_callback, &text), 0);
	plain = unpack(&text, &n);
	json = (const char *)plain;
	assert_true(strlen(json) < n);
	assert_non_null(strstr(json, "\"label\":\"</script>\\u000a\\\"\\\\\""));
	assert_non_null(strstr(json, "\"start_ns\":\"1763776800000000001\""));
	assert_non_null(strstr(json, "\"cpus\":2,"));
	assert_non_null(strstr(json, "[[\"rax\",\"18446744073709551615\"],[\"rbx\",5]]"));
	assert_non_null(
		strstr(json, "\"samples\":{\"n\":3,\"columns\":{\"t_ns\":\"wd\",\"thread\":\"up\","
			     "\"stack\":\"ip\",\"weight_ns\":\"wp\",\"cpu\":\"up\",\"\":0}"));
	assert_int_equal(n - strlen(json) - 1, sizeof(columns));
	assert_memory_equal(plain + strlen(json) + 1, columns, sizeof(columns));
	free(plain);
	out_release(&text);
	report_release(&r);
}

static int full_disk(void *arg, const void *data, size_t size)
{
	++*(int *)arg;
	return -ENOSPC;
}

static void test_error_sticks(void **state)
{
	struct report r = {0};
	int calls = 0;

	fill(&r);
	for (int i = 0; i < 200000; i++) {
		int64_t row = report_samples_add(&r.samples);

		assert_true(row >= 0);
		r.samples.t_ns[row] = (uint64_t)row * row * 2654435761u >> 8;
	}
	assert_int_equal(html_data_write(&r, full_disk, &calls), -ENOSPC);
	assert_int_equal(calls, 1);
	report_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream_round_trip),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_error_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
