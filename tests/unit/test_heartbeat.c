// SPDX-License-Identifier: BSD-2-Clause
/* Heartbeats as bytes: every field comes back, what is damaged does not come through. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "fill.h"
#include "user/lib/profile/heartbeat.h"

static void encode(const struct heartbeats *h, struct out *ret)
{
	out_init(ret, -1);
	assert_int_equal(heartbeats_encode(h, out_callback, ret), 0);
	assert_int_equal(out_finish(ret), 0);
}

static void test_round_trip(void **state)
{
	char error[CODEC_ERROR_BYTES];
	struct heartbeats h, back;
	struct out first, second;

	fill_document(&wire_root_heartbeats, &h);
	encode(&h, &first);
	assert_int_equal(heartbeats_decode(first.data, first.n, NULL, &back, error), 0);
	assert_ptr_equal(fill_differs(&wire_heartbeats, &h, &back), NULL);
	assert_true(back.facts.present && back.facts.host.present);
	assert_string_equal(back.facts.host.cpu_model, h.facts.host.cpu_model);
	assert_string_equal(heartbeats_text(&back, back.clients.name[0]),
			    heartbeats_text(&h, h.clients.name[0]));
	encode(&back, &second);
	assert_int_equal(first.n, second.n);
	assert_memory_equal(first.data, second.data, first.n);
	out_release(&first);
	out_release(&second);
	heartbeats_release(&h);
	heartbeats_release(&back);
}

/* The comparison that the round trip relies on sees a change, in a borrowed map too. */
static void test_differs(void **state)
{
	struct heartbeats a, b;

	fill_document(&wire_root_heartbeats, &a);
	fill_document(&wire_root_heartbeats, &b);
	assert_null(fill_differs(&wire_heartbeats, &a, &b));
	b.facts.host.cpus++;
	assert_string_equal(fill_differs(&wire_heartbeats, &a, &b), "cpus");
	b.facts.host.cpus--;
	b.processes.cpu_ns[FILL_ROWS - 1]++;
	assert_string_equal(fill_differs(&wire_heartbeats, &a, &b), "cpu_ns");
	heartbeats_release(&a);
	heartbeats_release(&b);
}

static void check_type(const struct wire_type *type, int *fields)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];

		assert_int_equal(f->number, i + 1);
		assert_true(f->kind == WIRE_NEST || f->doc[0]);
		if (f->kind == WIRE_NEST && f->type != &wire_report_agent &&
		    f->type != &wire_report_host)
			check_type(f->type, fields);
		++*fields;
	}
}

static void test_descriptors(void **state)
{
	int fields = 0, expected = 0;

#define FIELD(map, number, kind, name, doc) expected++;
#define COLUMN(table, number, kind, name, doc) expected++;
#define NEST(owner, number, type, name, doc) expected++;
#define BORROW(owner, number, type, name, doc) expected++;
#include "user/lib/profile/heartbeat.def"
	check_type(&wire_heartbeats, &fields);
	assert_int_equal(fields, expected);
}

/* A batch as an agent makes it. */
static void beat(struct heartbeats *h)
{
	assert_int_equal(heartbeats_init(h), 0);
	memset(h->host, 0xab, sizeof(h->host));
	assert_int_equal(heartbeats_beats_add(&h->beats), 0);
	h->beats.t_ns[0] = 1700000000000000000;
	assert_int_equal(heartbeats_clients_add(&h->clients), 0);
	h->clients.name[0] = heartbeats_intern(h, "shop");
	h->clients.cpu_avg_milli[0] = 1250;
}

static void test_json(void **state)
{
	struct heartbeats h;
	struct out out;

	beat(&h);
	out_init(&out, -1);
	heartbeats_json(&h, &out);
	out_char(&out, '\0');
	assert_non_null(strstr(out.data, "\"schema\": \"backdraft.heartbeats/1\""));
	assert_non_null(strstr(out.data, "\"host\": \"abababababababababababababababab\""));
	assert_non_null(strstr(out.data, "\"strings\": [\"\",\"shop\"]"));
	assert_non_null(strstr(out.data, "\"t_ns\": [1700000000000000000]"));
	assert_non_null(strstr(out.data, "\"cpu_avg_milli\": [1250]"));
	assert_null(strstr(out.data, "facts"));
	out_release(&out);
	heartbeats_release(&h);
}

/* Each is refused, and the message says why and of what. */
static void test_refused(void **state)
{
	static const char report[] = "\x81\xa6schema\xb2"
				     "backdraft.report/1";
	char error[CODEC_ERROR_BYTES];
	struct report_limits few = heartbeats_limits_default;
	struct heartbeats h, back;
	struct out out;

	assert_int_equal(heartbeats_decode(report, sizeof(report) - 1, NULL, &back, error),
			 -EINVAL);
	assert_string_equal(error, "not a backdraft heartbeat batch that this version reads: its "
				   "schema is not backdraft.heartbeats/1");
	beat(&h);
	h.clients.beat[0] = 1;
	encode(&h, &out);
	assert_int_equal(heartbeats_decode(out.data, out.n, NULL, &back, error), -EINVAL);
	assert_string_equal(
		error, "not a backdraft heartbeat batch: clients.beat[0] is 1, rows of beats 1");
	for (size_t n = 0; n < out.n; n++)
		assert_int_equal(heartbeats_decode(out.data, n, NULL, &back, error), -EINVAL);
	out_release(&out);
	h.clients.beat[0] = 0;
	for (int i = 1; i < 200; i++)
		assert_int_equal(heartbeats_beats_add(&h.beats), i);
	encode(&h, &out);
	few.rows = 100;
	assert_int_equal(heartbeats_decode(out.data, out.n, &few, &back, error), -EFBIG);
	assert_string_equal(error, "beats.t_ns has 200 rows, the limit is 100");
	few.rows = 1000;
	few.unpacked_bytes = 512;
	assert_int_equal(heartbeats_decode(out.data, out.n, &few, &back, error), -EFBIG);
	out_release(&out);
	heartbeats_release(&h);
}

static void test_facts_hash(void **state)
{
	uint8_t first[REPORT_ID_BYTES], second[REPORT_ID_BYTES], third[REPORT_ID_BYTES];
	struct heartbeats h;

	assert_int_equal(heartbeats_init(&h), 0);
	assert_int_equal(report_set(&h.facts.host.os, "Debian 12"), 0);
	assert_int_equal(heartbeats_facts_hash(&h.facts, first), 0);
	assert_int_equal(heartbeats_facts_hash(&h.facts, second), 0);
	assert_memory_equal(first, second, sizeof(first));
	h.facts.host.cpus = 2;
	assert_int_equal(heartbeats_facts_hash(&h.facts, third), 0);
	assert_memory_not_equal(first, third, REPORT_ID_BYTES / 2);
	assert_memory_not_equal(first + REPORT_ID_BYTES / 2, third + REPORT_ID_BYTES / 2,
				REPORT_ID_BYTES / 2);
	heartbeats_release(&h);
}

/* Two batches as one: rows refer to the beats and names that they had. */
static void test_append(void **state)
{
	char error[CODEC_ERROR_BYTES];
	struct heartbeats all, more, back;
	struct out out;

	beat(&all);
	assert_int_equal(heartbeats_init(&more), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(heartbeats_beats_add(&more.beats), i);
		more.beats.t_ns[i] = 10 + i;
		assert_int_equal(heartbeats_clients_add(&more.clients), i);
		more.clients.beat[i] = 2 - i;
		more.clients.name[i] = heartbeats_intern(&more, i ? "web" : "db");
		more.clients.rss_kib[i] = -1 - i;
	}
	more.facts_hash[3] = 7;
	assert_int_equal(report_set(&more.facts.host.os, "Debian 12"), 0);
	more.facts.present = more.facts.host.present = true;
	assert_int_equal(heartbeats_append(&all, &more), 0);
	heartbeats_release(&more);
	encode(&all, &out);
	assert_int_equal(heartbeats_decode(out.data, out.n, NULL, &back, error), 0);
	assert_int_equal(back.beats.n, 4);
	assert_int_equal(back.clients.n, 4);
	assert_int_equal(back.beats.t_ns[3], 12);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(back.beats.t_ns[back.clients.beat[1 + i]], 12 - i);
		assert_string_equal(heartbeats_text(&back, back.clients.name[1 + i]),
				    i ? "web" : "db");
		assert_int_equal(back.clients.rss_kib[1 + i], -1 - i);
	}
	assert_string_equal(heartbeats_text(&back, back.clients.name[0]), "shop");
	assert_int_equal(back.facts_hash[3], 7);
	assert_string_equal(back.facts.host.os, "Debian 12");
	heartbeats_release(&back);
	heartbeats_release(&all);
	out_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_differs),
		cmocka_unit_test(test_descriptors), cmocka_unit_test(test_json),
		cmocka_unit_test(test_refused),	    cmocka_unit_test(test_facts_hash),
		cmocka_unit_test(test_append),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
