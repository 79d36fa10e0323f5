// SPDX-License-Identifier: BSD-2-Clause
/* Rules over seconds, and from a cause to a report: cool-down and budgets. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "user/lib/detect/detector.h"
#include "user/lib/detect/trigger.h"

#define SATURDAY 1768071600 /* 2026-01-10 19:00 UTC */
#define HOUR 3600

/* A letter a second: the value in tenths, `?` is unknown; the seconds in which there is a cause. */
static const struct {
	const char *values, *cause;
} levels[] = {
	{"0000000000", "          "},
	{"5555000000", "   xxxx   "}, /* four seconds over, four seconds to end */
	{"5550555000", "          "},
	{"9999999999", "   xxxxxxx"},
	{"5555444444", "   xxxx   "},
	{"0444444440", "          "},
	{"?555?5555?", "        xx"},
	{"5555????55", "   xxxx   "},
	{"5555005500555500000000", "   xxxxxxxxxxxxxx     "},
};

static void feed(struct detector *d, struct config *c, struct baseline *b, int64_t t, char value,
		 enum detector_kind kind, struct detector_finding findings[DETECTOR_KINDS])
{
	struct detector_input in = {t, 0, 4, NAN, NAN, NAN, {NAN}};
	struct baseline_verdict v;
	double share = value == '?' ? NAN : (value - '0') / 10.0;

	if (kind == DETECTOR_THRESHOLD)
		in.cpus = value == '?' ? 0 : share;
	if (kind == DETECTOR_STARVATION)
		in.starved = share;
	if (kind == DETECTOR_THROTTLED)
		in.throttled = share;
	if (kind == DETECTOR_PRESSURE)
		in.pressure = share;
	assert_int_equal(detector_step(d, &c->machine, b, &in, &v, findings), 0);
}

static void test_levels(void **state)
{
	struct config_amount rule = {.on = true, .percent = 50, .for_s = 4};
	size_t i, k;
	int kind;

	for (kind = 0; kind < DETECTOR_KINDS; kind++) {
		for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
			struct baseline_options options = baseline_defaults;
			struct config c;
			struct detector d;
			struct baseline *b;

			options.step_s = 1;
			b = baseline_new(&options);
			assert_int_equal(config_defaults(&c), 0);
			c.machine.threshold = c.machine.starvation = c.machine.throttled =
				c.machine.pressure = rule;
			detector_init(&d, 1);
			for (k = 0; levels[i].values[k]; k++) {
				struct detector_finding f[DETECTOR_KINDS];
				int other;

				feed(&d, &c, b, SATURDAY + k, levels[i].values[k], kind, f);
				for (other = 0; other < DETECTOR_KINDS; other++)
					if (f[other].cause !=
					    (other == kind && kind != DETECTOR_DEVIATION &&
					     levels[i].cause[k] == 'x'))
						fail_msg("%s of `%s`, second %zu: %d",
							 detector_kind_name(other),
							 levels[i].values, k, f[other].cause);
			}
			config_release(&c);
			baseline_free(b);
		}
	}
}

/* The sentence of the issue, by each rule's own way; a client at rest that begins to burn. */
static void test_burn(void **state)
{
	struct config c;
	struct detector d;
	struct baseline_options options;
	struct baseline *b;
	struct detector_finding f[DETECTOR_KINDS];
	struct baseline_verdict v;
	struct detector_input in;
	char text[200];
	int64_t t, threshold_at = 0, deviation_at = 0;

	setenv("TZ", "UTC", 1);
	tzset();
	assert_int_equal(config_defaults(&c), 0);
	c.machine.threshold = (struct config_amount){true, true, 75, 12};
	options = detector_baseline_options(&c.agent, &c.machine, METRIC_CPU, 1);
	assert_int_equal(options.direction, BASELINE_HIGH);
	b = baseline_new(&options);
	detector_init(&d, 1);
	for (t = SATURDAY - 46 * HOUR; t < SATURDAY + 2 * HOUR + 100; t++) {
		double cpus = t >= SATURDAY + 2 * HOUR ? 3.1 : 0.4 + 0.5 * (t / 60 % 2);

		in = (struct detector_input){.t_s = t, .cpus = cpus, .limit_cpus = 4};
		assert_int_equal(detector_step(&d, &c.machine, b, &in, &v, f), 0);
		if (f[DETECTOR_THRESHOLD].cause && !threshold_at) {
			threshold_at = t + 1 - (SATURDAY + 2 * HOUR);
			detector_explain(&f[DETECTOR_THRESHOLD], &v, &in, "checkout", text,
					 sizeof(text));
			assert_string_equal(text, "checkout used 3.1 of 4 cores for 12 s; at Sat "
						  "21:00 it normally uses 0.4 to 0.9");
			assert_true(f[DETECTOR_THRESHOLD].threshold == 3 &&
				    f[DETECTOR_THRESHOLD].value == 3.1);
		}
		if (f[DETECTOR_DEVIATION].cause) {
			assert_int_equal(deviation_at, 0);
			deviation_at = t + 1 - (SATURDAY + 2 * HOUR);
			detector_explain(&f[DETECTOR_DEVIATION], &v, &in, "checkout", text,
					 sizeof(text));
			assert_string_equal(text, "checkout used 3.1 of 4 cores for 30 s; at Sat "
						  "21:00 it normally uses 0.4 to 0.9");
		}
	}
	assert_int_equal(threshold_at, 12);
	assert_int_equal(deviation_at, 30);
	f[0] = (struct detector_finding){
		.kind = DETECTOR_STARVATION,
		.metric = METRIC_WAIT,
		.value = 0.34,
		.threshold = 0.2,
		.since_s = in.t_s - 10,
	};
	detector_explain(&f[0], &v, &in, "checkout", text, sizeof(text));
	assert_string_equal(
		text, "checkout waited for a CPU 34 % of the time for 10 s; the rule is 20 %");
	config_release(&c);
	baseline_free(b);
}

/* A deviation of another metric is told where it is asked for, and in that metric's words. */
static void test_metrics(void **state)
{
	static const struct {
		const char *name;
		enum metric metric;
		double value, low, high;
		const char *text;
	} cases[] = {
		{"checkout", METRIC_WAIT, 0.34, 0, 0.021,
		 "checkout waited for a CPU 34 % of the time for 40 s; at Sat 21:00 it normally waits 0 "
		 "to 2.1 %"},
		{"checkout", METRIC_THROTTLED, 0.5, 0, 0.1,
		 "checkout was held back by its quota 50 % of the time for 40 s; at Sat 21:00 it "
		 "normally is 0 to 10 %"},
		{"machine", METRIC_PRESSURE, 0.5, 0.01, 0.025,
		 "machine had something waiting for a CPU 50 % of the time for 40 s; at Sat 21:00 it "
		 "normally has 1 to 2.5 %"},
		{"checkout", METRIC_MEMORY, 3.1 * 0x1p30, 0.9 * 0x1p30, 1.1 * 0x1p30,
		 "checkout held 3.1 GB for 40 s; at Sat 21:00 it normally holds 0.9 to 1.1 GB"},
		{"checkout", METRIC_THREADS, 340, 20, 40,
		 "checkout had 340 threads for 40 s; at Sat 21:00 it normally has 20 to 40 threads"},
	};
	struct config_rules rules = {.deviation = CONFIG_DEVIATION_HIGH};
	char text[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct detector_finding f[DETECTOR_KINDS] = {{0}};
		struct baseline_verdict v[METRICS] = {{0}};
		struct detector_input in = {.t_s = SATURDAY};
		enum metric m = cases[i].metric;

		f[DETECTOR_DEVIATION].kind = DETECTOR_DEVIATION;
		in.metric[m] = cases[i].value;
		v[m] = (struct baseline_verdict){.begins = true,
						 .expected = cases[i].high / 2,
						 .normal_low = cases[i].low,
						 .normal_high = cases[i].high,
						 .week_hour = 5 * 24 + 21,
						 .window_s = 40};
		rules.deviation_metrics = ~(1u << m);
		detector_metrics(&rules, &in, v, f);
		assert_false(f[DETECTOR_DEVIATION].cause);
		rules.deviation_metrics = 1u << m;
		detector_metrics(&rules, &in, v, f);
		assert_true(f[DETECTOR_DEVIATION].cause);
		assert_int_equal(f[DETECTOR_DEVIATION].metric, m);
		assert_true(f[DETECTOR_DEVIATION].value == cases[i].value &&
			    f[DETECTOR_DEVIATION].expected == v[m].expected);
		detector_explain(&f[DETECTOR_DEVIATION], &v[m], &in, cases[i].name, text,
				 sizeof(text));
		assert_string_equal(text, cases[i].text);
		/* What is expected of a rule's metric is that metric's. */
		assert_true(f[DETECTOR_STARVATION].expected == v[METRIC_WAIT].expected);
	}
}

/* A cause that lasts a day: 15 minutes, then twice as long each time, up to four hours. */
static void test_cooldown(void **state)
{
	static const int64_t fires[] = {0,     900,   2700,  6300,  13500,
					27900, 42300, 56700, 71100, 85500};
	struct trigger_limits limits = {900, 4, 12};
	struct trigger_budget client = {0}, host = {0};
	struct trigger t = {0};
	size_t n = 0;
	int64_t now;

	for (now = 0; now < 24 * HOUR; now++) {
		enum trigger_answer a =
			trigger_step(&t, &client, &host, &limits, SATURDAY + now, true);

		assert_true(a == TRIGGER_FIRE || a == TRIGGER_COOLING);
		if (a == TRIGGER_FIRE)
			assert_int_equal(now, fires[n++]);
	}
	assert_int_equal(n, 10);
	assert_int_equal(trigger_cooling_s(&t, SATURDAY + now), 85500 + 4 * HOUR - now);
	/* Away for as long as that: the next one is another, and begins with 15 minutes again. */
	now += 4 * HOUR;
	assert_int_equal(trigger_step(&t, &client, &host, &limits, SATURDAY + now, false),
			 TRIGGER_NONE);
	assert_int_equal(trigger_step(&t, &client, &host, &limits, SATURDAY + now, true),
			 TRIGGER_FIRE);
	assert_int_equal(t.cooldown_s, 900);
	/* A clock that is set back a week delays by no more than the cool-down. */
	now -= 168 * HOUR;
	assert_int_equal(trigger_step(&t, &client, &host, &limits, SATURDAY + now, true),
			 TRIGGER_COOLING);
	assert_int_equal(trigger_step(&t, &client, &host, &limits, SATURDAY + now + 900, true),
			 TRIGGER_FIRE);
}

/* One report, not ten, for a burn of a minute that comes and goes. */
static void test_one_report(void **state)
{
	struct trigger_limits limits = {900, 4, 12};
	struct trigger_budget client = {0}, host = {0};
	struct trigger t = {0};
	int fired = 0, s;

	for (s = 0; s < 600; s++)
		fired += trigger_step(&t, &client, &host, &limits, s, s % 60 < 20) == TRIGGER_FIRE;
	assert_int_equal(fired, 1);
}

static void test_budgets(void **state)
{
	struct trigger_limits limits = {10, 4, 12};
	struct trigger_budget clients[5] = {0}, host = {0};
	struct trigger triggers[5] = {0};
	int fired[5] = {0}, spent[5] = {0}, all = 0, i, s;

	for (s = 0; s < HOUR; s++)
		for (i = 0; i < 5; i++) {
			enum trigger_answer a;

			/* The cause is away for the cool-down each time: only the budgets hold it
			 * back. */
			a = trigger_step(&triggers[i], &clients[i], &host, &limits, s, s % 60 == 0);
			fired[i] += a == TRIGGER_FIRE;
			spent[i] += a == TRIGGER_CLIENT_SPENT || a == TRIGGER_HOST_SPENT;
			all += a == TRIGGER_FIRE;
		}
	for (i = 0; i < 5; i++) {
		assert_true(fired[i] <= 4 + 4 && spent[i] > 40);
		assert_int_equal(fired[i] + spent[i], 60);
	}
	assert_true(all >= 12 && all <= 24);
	/* After a quiet hour there is as much again, and not more. */
	for (fired[0] = i = 0; i < 10; i++)
		fired[0] += trigger_step(&triggers[0], &clients[0], &host, &limits,
					 3 * HOUR + 10 * i, true) == TRIGGER_FIRE;
	assert_true(fired[0] >= 1 && fired[0] <= 4);
	assert_string_equal(trigger_answer_text(TRIGGER_HOST_SPENT),
			    "the host's reports of this hour are spent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),	 cmocka_unit_test(test_burn),
		cmocka_unit_test(test_cooldown), cmocka_unit_test(test_one_report),
		cmocka_unit_test(test_budgets),	 cmocka_unit_test(test_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
