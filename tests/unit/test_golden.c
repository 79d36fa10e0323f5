// SPDX-License-Identifier: BSD-2-Clause
/*
 * What comes out of small reports, whole, against the files of tests/golden. GOLDEN_UPDATE=1 writes
 * them anew: look at the difference before you commit it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sample.h"
#include "user/lib/view/diff_write.h"
#include "user/lib/view/export.h"
#include "user/lib/status/status_text.h"
#include "user/lib/view/summary.h"

static void small_folded(struct out *out)
{
	static const struct view_options all;
	struct report r;

	sample_report(&r);
	assert_int_equal(export_find("folded")->write(&r, &all, out), 0);
	report_release(&r);
}

static void small_json(struct out *out)
{
	static const struct view_options all;
	struct report r;

	sample_report(&r);
	assert_int_equal(export_find("json")->write(&r, &all, out), 0);
	report_release(&r);
}

static void small_summary(struct out *out)
{
	static const struct summary_options plain;
	struct report r;

	sample_report(&r);
	assert_int_equal(summary_write(&r, &plain, out), 0);
	report_release(&r);
}

/* Too many cut stacks, a command, colour, narrow: names are shortened. */
static void cut_summary(struct out *out)
{
	static const struct summary_options narrow = {.columns = 60, .rows = 2, .colour = true};
	struct report r;

	sample_report(&r);
	for (int i = 0; i < 7; i++)
		sample_hit(&r, 1999, i % 3, r.stacks.n - 1, 1000000);
	r.command.present = true;
	assert_int_equal(report_set(&r.command.name, "app"), 0);
	r.command.exit_status = 139;
	r.command.elapsed_ns = 1900000000;
	r.incomplete = true;
	assert_int_equal(report_set(&r.trigger.explanation, "a\033[2Jb"), 0);
	r.threads.name[0] = report_intern(&r, "a thread with quite a \xe2\x82\xac long name");
	assert_int_equal(summary_write(&r, &narrow, out), 0);
	report_release(&r);
}

static void empty_summary(struct out *out)
{
	static const struct summary_options plain;
	struct report r;

	assert_int_equal(report_init(&r), 0);
	assert_int_equal(summary_write(&r, &plain, out), 0);
	report_release(&r);
}

/* What changed in all ways: hotter, colder, new, gone, by chance; and a picture of it. */
static void small_diff(struct out *out, int (*write)(const struct diff *d, struct out *out))
{
	static const struct view_options all;
	char error[VIEW_ERROR_BYTES];
	struct report a, b;
	struct diff d;

	sample_report(&a);
	sample_report(&b);
	for (int i = 0; i < 60; i++) {
		sample_hit(&a, 1030 + i, 1, 2, 10000000);
		sample_hit(&b, 1030 + i, 1, i < 40 ? 3 : 1, 10000000);
		sample_hit(&b, 1100 + i, 0, 1, 10000000);
	}
	a.threads.on_cpu_ns[1] += 600000000;
	b.threads.on_cpu_ns[1] += 600000000;
	b.threads.on_cpu_ns[0] += 600000000;
	assert_int_equal(report_set(&b.client.name, "a<b>"), 0);
	assert_int_equal(diff_build(&a, &b, &all, &d, error), 0);
	assert_int_equal(write(&d, out), 0);
	diff_release(&d);
	report_release(&a);
	report_release(&b);
}

static int write_plain(const struct diff *d, struct out *out)
{
	static const struct diff_text_options plain;

	return diff_write_text(d, &plain, out);
}

static int write_narrow(const struct diff *d, struct out *out)
{
	static const struct diff_text_options narrow = {.columns = 60, .rows = 2, .colour = true};

	return diff_write_text(d, &narrow, out);
}

static void diff_text(struct out *out)
{
	small_diff(out, write_plain);
}

static void diff_narrow(struct out *out)
{
	small_diff(out, write_narrow);
}

static void diff_svg(struct out *out)
{
	small_diff(out, diff_write_svg);
}

/* A daemon that has everything to say: a client too hot, one that is learning, one without a match.
 */
static const struct {
	const char *name;
	double cpus, low, high, wait, throttled;
	uint64_t processes, rss;
	const char *note;
} status_clients[] = {
	{"checkout", 3.1, 0.4, 0.9, 0.123, 0.01, 3, 1200u << 20, ""},
	{"machine", 3.4, 0.2, 4, 0.05, NAN, 0, 6000ull << 20, ""},
	{"a quite long name of a unit.service", 0.2, NAN, NAN, 0, 0, 120, 4 << 20, ""},
	{"batch", NAN, NAN, NAN, NAN, NAN, 0, 0, "nothing matches match_unit = batch.service"},
	{"cold", 0.01, 0.5, 1, 0.0, 0.0, 1, 90 << 10, ""},
};

static void set(char **field, const char *text)
{
	assert_int_equal(status_set(field, text), 0);
}

/* Of the machine only what is learned; a quota that is never felt isn't mentioned. */
static const struct {
	const char *client, *metric;
	double value, low, high;
} status_normals[] = {
	{"machine", "cpu", 3.4, 0.2, 4},
	{"machine", "memory", 6000.0 * 0x1p20, NAN, NAN},
	{"machine", "threads", 812, 640, 700},
	{"checkout", "cpu", 3.1, 0.4, 0.9},
	{"checkout", "wait", 0.123, 0, 0.021},
	{"checkout", "throttled", 0.01, 0, 0},
	{"checkout", "memory", 1200.0 * 0x1p20, 0.9 * 0x1p30, 1.1 * 0x1p30},
	{"checkout", "threads", 30, 20, 40},
	{"cold", "memory", 90.0 * 0x1p10, 200 * 0x1p10, 300 * 0x1p10},
	{"cold", "later", 1, 2, 3},
};

/* A loop of crashes, one without names yet, and stops, which are no crashes. */
static void status_deaths(struct status *s)
{
	static const struct {
		const char *signature, *what;
		uint64_t count, counted;
	} crashes[] = {
		{"00c0ffee00c0ffee", "checkout died of SIGSEGV in parse_\033[2J; 12 threads", 1200, 1199},
		{"", "SIGABRT", 1, 1},
		{"0123456789abcdef", "checkout died of SIGBUS in map_page; 12 threads", 1, 0},
	};
	struct status_clients *checkout = &s->clients[0], *cold = &s->clients[4];

	checkout->crashes = 1202;
	checkout->crashes_reported = 2;
	checkout->stops = 3;
	checkout->kills = 1;
	set(&checkout->last_stop, "SIGTERM by systemd (1)");
	cold->kills = 2;
	set(&cold->last_stop, "SIGKILL by the kernel in a\033b (7)");
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
		struct status_crashes *c = status_add_crashes(s);

		set(&c->client, "checkout");
		set(&c->signature, crashes[i].signature);
		set(&c->what, crashes[i].what);
		c->count = crashes[i].count;
		c->counted = crashes[i].counted;
	}
}

static void status_tables(struct status *s)
{
	for (size_t i = 0; i < sizeof(status_clients) / sizeof(status_clients[0]); i++) {
		struct status_clients *c = status_add_clients(s);

		set(&c->name, status_clients[i].name);
		set(&c->note, status_clients[i].note);
		c->processes = status_clients[i].processes;
		c->cpus = status_clients[i].cpus;
		c->normal_low = status_clients[i].low;
		c->normal_high = status_clients[i].high;
		c->wait_share = status_clients[i].wait;
		c->throttled_share = status_clients[i].throttled;
		c->rss_bytes = status_clients[i].rss;
	}
	for (int i = 0; i < 30; i++) {
		struct status_threads *t = status_add_threads(s);

		set(&t->process, i ? "checkout" : "a\033[2Jb");
		set(&t->name, i % 3 ? "worker" : "checkout");
		set(&t->client, i % 4 ? "checkout" : "");
		t->tid = 1000 + i;
		t->cpus = (i * 7 % 30) / 30.0;
		t->wait_share = i / 100.0;
	}
	for (size_t i = 0; i < sizeof(status_normals) / sizeof(status_normals[0]); i++) {
		struct status_normals *n = status_add_normals(s);

		set(&n->client, status_normals[i].client);
		set(&n->metric, status_normals[i].metric);
		n->value = status_normals[i].value;
		n->low = status_normals[i].low;
		n->high = status_normals[i].high;
	}
	for (int i = 0; i < 3; i++) {
		struct status_rules *r = status_add_rules(s);

		set(&r->client, "checkout");
		set(&r->kind, i ? "deviation" : "threshold");
		set(&r->state, i == 1 ? "active" : i ? "learning" : "quiet");
		set(&r->why, i == 1 ? "checkout used 3.1 of 4 cores for 12 s; at Sat 21:00 it "
				      "normally uses 0.4 to 0.9"
				    : "it has been watched for 3 h of 24 h");
	}
	for (int i = 0; i < 2; i++) {
		struct status_triggers *t = status_add_triggers(s);

		set(&t->client, "checkout");
		set(&t->kind, "deviation");
		set(&t->outcome, i ? "reported" : "cooling down");
		set(&t->report, i ? "00112233445566778899aabbccddeeff" : "");
		set(&t->explanation, "checkout used 3.1 of 4 cores for 12 s");
		t->t_s = 1700000000 - 100 * i;
	}
}

static void status_sample(struct status *s)
{
	status_init(s);
	set(&s->agent.version, "0.1.0");
	set(&s->agent.host, "3f9a3f9a3f9a3f9a");
	set(&s->agent.label, "eu-west checkout 7");
	set(&s->agent.config, "/etc/backdraft/backdraft.conf");
	set(&s->agent.mode, "watching");
	s->agent.pid = 1234;
	s->agent.left_out = 5;
	s->agent.uptime_s = 11530;
	s->sampling.rate_hz = 9.5;
	s->sampling.wanted_hz = 19;
	set(&s->sampling.reason, "own cost over 1 % of a CPU");
	s->ring.seconds = 62.4;
	s->ring.bytes = 3 << 20;
	s->ring.limit_bytes = 16 << 20;
	s->ring.samples = 12345;
	set(&s->spool.path, "/var/spool/backdraft");
	set(&s->spool.error, "spool /var/spool/backdraft: No space left on device");
	s->spool.reports = 1;
	s->spool.bytes = 81 << 10;
	s->spool.limit_bytes = 512 << 20;
	s->spool.written = 5;
	s->loss.fired = 123456;
	s->loss.lost = 12;
	set(&status_add_losses(s)->reason, "ring full");
	s->losses[0].count = 12;
	s->cost.cpu = 0.0123;
	s->cost.bpf = 0.002;
	s->cost.budget = 0.01;
	s->cost.rss_bytes = 31 << 20;
	s->cost.map_bytes = 5 << 20;
	s->cost.delay_s = 0.0034;
	status_tables(s);
	status_deaths(s);
}

static void status_plain(struct out *out)
{
	static const struct status_text_options options = {.now_s = 1700000060};
	struct status s;

	status_sample(&s);
	assert_int_equal(status_write_plain(&s, &options, out), 0);
	status_release(&s);
	out_text(out, "--- of a daemon that says nothing\n");
	status_init(&s);
	assert_int_equal(status_write_plain(&s, &options, out), 0);
}

static size_t count_lines(const struct out *out)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++)
		n += out->data[i] == '\n';
	return n;
}

static void status_top(struct out *out)
{
	struct status_text_options options = {.now_s = 1700000060};
	struct status s;

	status_sample(&s);
	assert_int_equal(status_write_top(&s, &options, out), 0);
	assert_int_equal(count_lines(out), 24);
	options.rows = 8;
	options.columns = 60;
	options.colour = true;
	assert_int_equal(status_write_top(&s, &options, out), 0);
	assert_int_equal(count_lines(out), 24 + 8);
	status_release(&s);
}

static const struct golden {
	const char *file;
	void (*write)(struct out *out);
} goldens[] = {
	{"small.folded", small_folded},	  {"small.json", small_json},
	{"small.summary", small_summary}, {"cut.summary", cut_summary},
	{"empty.summary", empty_summary}, {"diff.text", diff_text},
	{"narrow.diff", diff_narrow},	  {"diff.svg", diff_svg},
	{"plain.status", status_plain},	  {"top.status", status_top},
};

static void check_golden(const struct golden *g)
{
	char path[128], *expected;
	struct out out;
	FILE *f;
	long n;

	snprintf(path, sizeof(path), "tests/golden/%s", g->file);
	out_init(&out, -1);
	g->write(&out);
	assert_int_equal(out_finish(&out), 0);
	if (getenv("GOLDEN_UPDATE")) {
		f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(out.data, 1, out.n, f), out.n);
		assert_int_equal(fclose(f), 0);
	}
	f = fopen(path, "r");
	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	expected = calloc(1, n + 1);
	assert_int_equal(fread(expected, 1, n, f), n);
	fclose(f);
	out_char(&out, '\0');
	if (strcmp(out.data, expected))
		print_error("%s differs; if it should, GOLDEN_UPDATE=1 writes it\n", path);
	assert_string_equal(out.data, expected);
	free(expected);
	out_release(&out);
}

static void test_goldens(void **state)
{
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++)
		check_golden(&goldens[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_goldens)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
