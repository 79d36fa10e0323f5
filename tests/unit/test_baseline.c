// SPDX-License-Identifier: BSD-2-Clause
/* Made-up weeks with a clock of their own: which deviations are told. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include <cmocka.h>

#include "user/lib/detect/baseline.h"

#define MINUTE 60
#define HOUR 3600
#define DAY 86400
#define MONDAY 1767571200 /* 2026-01-05 00:00 UTC */
#define SHAPE_EVENTS 4

/* At HOURS after the start the value grows by SIZE for so many minutes; TOLD: it must be told. */
struct event {
	double hours, minutes, size;
	int told;
};

struct shape {
	const char *name;
	double level, daily, weekend, noise,
		drift;		    /* daily: added from 9 to 18; weekend: share of it then */
	double cron_from_day, cron; /* added at 06:00 for ten minutes */
	int days, may;		    /* may: alerts that are neither asked for nor wrong */
	enum baseline_direction direction;
	float least;
	int64_t start;
	const char *zone;
	struct event events[SHAPE_EVENTS];
	double gap_at, gap_hours;  /* in hours: no values */
	double clock_at, clock_by; /* in hours: from then on the clock is so many hours off */
	double restart_at;	   /* in hours */
};

static double noise_next(uint64_t *state)
{
	double sum = 0;
	int i;

	for (i = 0; i < 4; i++) {
		*state = *state * 6364136223846793005u + 1442695040888963407u;
		sum += (*state >> 40) / (double)(1 << 24) - 0.5;
	}
	return sum * sqrt(3); /* about normal, variance 1 */
}

static double shape_value(const struct shape *s, int64_t elapsed, int64_t now, uint64_t *state)
{
	double value = s->level + s->drift * elapsed / DAY + s->noise * noise_next(state);
	double hours = elapsed / (double)HOUR;
	time_t t = now;
	struct tm tm;
	int i;

	localtime_r(&t, &tm);
	if (tm.tm_hour >= 9 && tm.tm_hour < 18)
		value += s->daily * (tm.tm_wday == 0 || tm.tm_wday == 6 ? s->weekend : 1);
	if (tm.tm_hour == 6 && tm.tm_min < 10 && elapsed >= s->cron_from_day * DAY)
		value += s->cron;
	for (i = 0; i < SHAPE_EVENTS; i++)
		if (hours >= s->events[i].hours &&
		    hours < s->events[i].hours + s->events[i].minutes / 60)
			value += s->events[i].size;
	return value > 0 ? value : 0;
}

static struct baseline *restart(struct baseline *b, const struct baseline_options *options)
{
	size_t size = baseline_size();
	void *buffer = malloc(size);
	struct baseline *again = NULL;

	assert_int_equal(baseline_save(b, buffer, size), 0);
	assert_int_equal(baseline_load(options, buffer, size, &again), 0);
	free(buffer);
	baseline_free(b);
	return again;
}

/* The event that an alert at HOURS is about (each counts for its length and 12 hours), -1 for none.
 */
static int event_of(const struct shape *s, double hours)
{
	int i, found = -1;

	for (i = 0; i < SHAPE_EVENTS; i++)
		if (s->events[i].minutes && hours >= s->events[i].hours &&
		    hours < s->events[i].hours + s->events[i].minutes / 60 + 12)
			found = i;
	return found;
}

static void shape_check(const struct shape *s)
{
	struct baseline_options options = baseline_defaults;
	int told[SHAPE_EVENTS] = {0}, other = 0, i, event;
	int64_t start = s->start ? s->start : MONDAY, elapsed, now;
	struct baseline_verdict v;
	struct baseline *b;
	char text[256];
	uint64_t state = 1;

	setenv("TZ", s->zone ? s->zone : "UTC", 1);
	tzset();
	options.step_s = 5 * MINUTE;
	options.direction = s->direction ? s->direction : BASELINE_BOTH;
	options.least = s->least;
	b = baseline_new(&options);
	for (elapsed = 0; elapsed < (int64_t)s->days * DAY; elapsed += options.step_s) {
		double hours = elapsed / (double)HOUR;
		double value = shape_value(s, elapsed, start + elapsed, &state);

		now = start + elapsed +
		      (s->clock_by && hours >= s->clock_at ? s->clock_by * HOUR : 0);
		if (s->gap_hours && hours >= s->gap_at && hours < s->gap_at + s->gap_hours)
			continue;
		if (s->restart_at && hours == s->restart_at)
			b = restart(b, &options);
		assert_int_equal(baseline_feed(b, now, value, &v), 0);
		assert_true(isfinite(v.score));
		if (!v.begins)
			continue;
		event = event_of(s, hours);
		baseline_explain(&v, s->name, value, "", text, sizeof(text));
		print_message("# day %5.2f: %s (score %.2f)\n", hours / 24, text, v.score);
		if (event >= 0)
			told[event]++;
		else
			other++;
	}
	baseline_free(b);
	for (i = 0; i < SHAPE_EVENTS; i++)
		if (s->events[i].told >= 0 && told[i] != s->events[i].told)
			fail_msg("%s: event %d was told %d times, not %d", s->name, i, told[i],
				 s->events[i].told);
	if (other > s->may)
		fail_msg("%s: %d alerts that nobody asked for", s->name, other);
}

static const struct shape shapes[] = {
	{"steady noise", .level = 2, .noise = 0.1, .days = 28},
	{"much noise", .level = 2, .noise = 0.6, .days = 28},
	{"nothing at all", .level = 0, .days = 10},
	{"a constant", .level = 1, .days = 10},
	{"a working day", .level = 0.5, .daily = 2, .weekend = 1, .noise = 0.1, .days = 28},
	/* The first Saturday is news to somebody who has seen four working days; no other is. */
	{"a working week", .level = 0.5, .daily = 2, .weekend = 0, .noise = 0.1, .days = 42,
	 .may = 1},
	{"a burst", .level = 2, .noise = 0.1, .days = 14, .events = {{200, 30, 2, 1}}},
	{"a burst on the first day", .level = 2, .noise = 0.1, .days = 14,
	 .events = {{15, 30, 2, 0}}},
	{"a burst within the noise", .level = 2, .noise = 0.1, .days = 14,
	 .events = {{200, 10, 0.1, 0}}},
	{"slightly more for six hours", .level = 2, .noise = 0.1, .days = 14,
	 .events = {{200, 360, 0.15, 1}}},
	{"a job at six", .level = 1, .noise = 0.05, .cron = 2, .days = 21},
	/* Learned within days: two mornings are told, no third. */
	{"a new job at six", .level = 1, .noise = 0.05, .cron_from_day = 5, .cron = 2, .days = 21,
	 .may = 2},
	{"that job's burst at three", .level = 1, .noise = 0.05, .cron = 2, .days = 14,
	 .events = {{9 * 24 + 15, 15, 1.5, 1}}},
	{"a burst at night", .level = 0.5, .daily = 2, .weekend = 1, .noise = 0.1, .days = 14,
	 .events = {{9 * 24 + 2, 60, 1.5, 1}}},
	{"a burst of that size by day", .level = 0.5, .daily = 2, .weekend = 1, .noise = 0.1,
	 .days = 14, .events = {{9 * 24 + 10, 60, 1.5, 1}}},
	{"a day that doesn't come", .level = 0.5, .daily = 2, .weekend = 1, .noise = 0.1,
	 .days = 14, .events = {{9 * 24 + 9, 9 * 60, -2, 1}}},
	{"half a day's work", .level = 0.5, .daily = 2, .weekend = 1, .noise = 0.1, .days = 14,
	 .events = {{9 * 24 + 9, 9 * 60, -1, 1}}},
	{"half a day's work, only high", .level = 0.5, .daily = 2, .weekend = 1, .noise = 0.1,
	 .days = 14, .direction = BASELINE_HIGH, .events = {{9 * 24 + 9, 9 * 60, -1, 0}}},
	{"a quiet level that drops", .level = 0.2, .noise = 0.01, .days = 14,
	 .events = {{200, 300, -0.15, 1}}},
	{"a quiet level that drops, only high", .level = 0.2, .noise = 0.01, .days = 14,
	 .direction = BASELINE_HIGH, .events = {{200, 300, -0.15, 0}}},
	{"a burst, only low", .level = 2, .noise = 0.1, .days = 14, .direction = BASELINE_LOW,
	 .events = {{200, 30, 2, 0}}},
	{"less than the least effect", .level = 0.3, .noise = 0.02, .days = 14, .least = 0.5,
	 .events = {{200, 30, 0.4, 0}}},
	{"more than the least effect", .level = 0.3, .noise = 0.02, .days = 14, .least = 0.5,
	 .events = {{200, 30, 0.8, 1}}},
	{"a slow drift", .level = 1, .drift = 0.02, .noise = 0.1, .days = 28, .may = 2},
	{"a slow drift down", .level = 3, .drift = -0.02, .noise = 0.1, .days = 28, .may = 2},
	/* Told once, normal a day later; a burst on top of it is told, and so is the way back. */
	{"a new level", .level = 1, .noise = 0.05, .days = 21,
	 .events = {{200, 60 * 200, 1, 1}, {300, 30, 0.6, 1}, {400, 60 * 104, 0, 1}}},
	{"a new level, only high", .level = 1, .noise = 0.05, .days = 21,
	 .direction = BASELINE_HIGH, .events = {{200, 60 * 200, 1, 1}, {400, 60 * 104, 0, 0}}},
	/* Not learned: the same the day after is told again, though it had lasted for hours. */
	{"an incident twice", .level = 1, .noise = 0.05, .days = 14,
	 .events = {{200, 180, 1, 1}, {227, 180, 1, 1}}},
	{"an incident that becomes a habit", .level = 1, .noise = 0.05, .days = 14,
	 .events = {{200, 60, 1, 1}, {227, 60, 1, 1}, {254, 60, 1, -1}, {281, 60, 1, 0}}},
	{"two bursts within the hour", .level = 1, .noise = 0.05, .days = 14,
	 .events = {{200, 10, 1, 1}, {200.5, 10, 1, 0}}},
	{"missing hours", .level = 0.5, .daily = 2, .weekend = 1, .noise = 0.1, .days = 14,
	 .gap_at = 200, .gap_hours = 7},
	{"missing days", .level = 0.5, .daily = 2, .weekend = 1, .noise = 0.1, .days = 28,
	 .gap_at = 200, .gap_hours = 100},
	{"a burst after missing hours", .level = 0.5, .daily = 2, .weekend = 1, .noise = 0.1,
	 .days = 14, .gap_at = 200, .gap_hours = 7, .events = {{240, 60, 3, 1}}},
	{"the clock set back an hour", .level = 2, .noise = 0.1, .days = 14, .clock_at = 200.5,
	 .clock_by = -1},
	{"the clock set back a week", .level = 2, .noise = 0.1, .days = 14, .clock_at = 200.5,
	 .clock_by = -168},
	{"the clock set to next year", .level = 2, .noise = 0.1, .days = 14, .clock_at = 200.5,
	 .clock_by = 8760},
	{"a burst after the clock was set back", .level = 2, .noise = 0.1, .days = 14,
	 .clock_at = 200.5, .clock_by = -1, .events = {{240, 30, 2, 1}}},
	{"summer time begins", .level = 0.5, .daily = 2, .weekend = 1, .noise = 0.1, .days = 28,
	 .start = 1773615600, .zone = "Europe/Stockholm"},
	{"summer time ends", .level = 0.5, .daily = 2, .weekend = 1, .noise = 0.1, .days = 28,
	 .start = 1791756000, .zone = "Europe/Stockholm"},
	{"a restart", .level = 0.5, .daily = 2, .weekend = 1, .noise = 0.1, .days = 14,
	 .restart_at = 206.5, .events = {{212, 60, 3, 1}}},
	{"a restart in an incident", .level = 1, .noise = 0.05, .days = 14, .restart_at = 201,
	 .events = {{200, 180, 1, 1}}},
};

static void test_shape(void **state)
{
	shape_check(*state);
}

/* A minute's length matters to the second: what is kept up for 30 s is told then, not what isn't.
 */
static void test_seconds(void **state)
{
	static const struct {
		int64_t from;
		int seconds, after;
	} bursts[] = {
		{30 * HOUR, 29, 0},
		{34 * HOUR, 10, 0},
		{40 * HOUR + 17, 60, 30},
	};
	struct baseline_options options = baseline_defaults;
	struct baseline_verdict v;
	struct baseline *b;
	uint64_t noise = 1;
	int64_t t;

	options.step_s = 1;
	options.direction = BASELINE_HIGH;
	options.least = 0.5;
	b = baseline_new(&options);
	for (t = 0; t < 41 * HOUR; t++) {
		double value = fabs(0.2 + 0.1 * noise_next(&noise));
		int i, expected = 0;

		for (i = 0; i < 3; i++) {
			if (t >= bursts[i].from && t < bursts[i].from + bursts[i].seconds)
				value += 2;
			if (bursts[i].after && t == bursts[i].from + bursts[i].after - 1)
				expected = 1;
		}
		assert_int_equal(baseline_feed(b, MONDAY + t, value, &v), 0);
		if (v.begins != expected)
			fail_msg("second %lld: begins %d, not %d", (long long)t, v.begins,
				 expected);
	}
	baseline_free(b);
}

static void test_explanation(void **state)
{
	struct baseline_verdict v = {.week_hour = 5 * 24 + 21,
				     .normal_low = 0.4,
				     .normal_high = 0.9,
				     .aspect = BASELINE_VALUE};
	char text[200];

	baseline_explain(&v, "checkout", 3.1, "cores", text, sizeof(text));
	assert_string_equal(text,
			    "checkout used 3.1 cores; at Sat 21:00 it normally uses 0.4 to 0.9");
	v.aspect = BASELINE_MEAN;
	v.seen = 1.234;
	v.seen_low = 0.2;
	v.seen_high = 0.75;
	v.window_s = 3 * HOUR;
	baseline_explain(&v, "checkout", 3.1, "", text, sizeof(text));
	assert_string_equal(
		text, "checkout used 1.23 on average for 3 h, where it was 0.2 to 0.75 before; "
		      "at Sat 21:00 it normally uses 0.4 to 0.9");
	assert_int_equal(baseline_explain(&v, "checkout", 3.1, "", text, 10),
			 strlen("checkout used 1.23 on average for 3 h, where it was 0.2 to 0.75 "
				"before; at Sat 21:00 it normally uses 0.4 to 0.9"));
	assert_string_equal(text, "checkout ");
}

static struct baseline *taught(const struct baseline_options *options)
{
	struct baseline *b = baseline_new(options);
	struct baseline_verdict v;
	uint64_t noise = 7;
	int64_t t;

	for (t = 0; t < 9 * DAY; t += options->step_s)
		assert_int_equal(baseline_feed(b, MONDAY + t, 2 + 0.1 * noise_next(&noise), &v), 0);
	return b;
}

/* Saved, loaded and saved again is the same; any damaged byte, or another length, is refused. */
static void test_store(void **state)
{
	struct baseline_options options = baseline_defaults;
	size_t size = baseline_size(), i;
	uint8_t *one = malloc(size), *two = malloc(size);
	struct baseline *b = taught(&options), *again = NULL, *none = NULL;
	float low, middle, high, low2, middle2, high2;

	print_message("# %zu bytes for a client and metric\n", size);
	assert_true(size < 32768);
	assert_int_equal(baseline_save(b, one, size - 1), -ENOSPC);
	assert_int_equal(baseline_save(b, one, size), 0);
	assert_int_equal(baseline_load(&options, one, size, &again), 0);
	assert_int_equal(baseline_save(again, two, size), 0);
	assert_memory_equal(one, two, size);
	assert_true(baseline_normal(b, MONDAY, &low, &middle, &high));
	assert_true(baseline_normal(again, MONDAY, &low2, &middle2, &high2));
	assert_true(low == low2 && middle == middle2 && high == high2);
	assert_true(low > 1.7 && low < 1.95 && middle > 1.9 && middle < 2.1 && high > 2.05 &&
		    high < 2.3);
	for (i = 0; i < size; i++) {
		one[i] ^= 0x10;
		assert_int_equal(baseline_load(&options, one, size, &none),
				 i / 4 == 1 ? -EPROTO : -EBADMSG);
		one[i] ^= 0x10;
	}
	for (i = 0; i < size; i += i < 64 ? 1 : 997)
		assert_int_equal(baseline_load(&options, one, i, &none), -EBADMSG);
	assert_null(none);
	baseline_free(b);
	baseline_free(again);
	free(one);
	free(two);
}

/* A checksum that is right doesn't vouch for the content. */
static void test_store_nonsense(void **state)
{
	struct baseline_options options = baseline_defaults;
	size_t size = baseline_size(), i;
	uint8_t *bytes = malloc(size);
	struct baseline *b = taught(&options), *again;
	struct baseline_verdict v;
	int refused = 0;

	baseline_save(b, bytes, size);
	for (i = 16; i + 4 <= size; i += 28) {
		uint8_t kept[4];
		uint32_t sum;
		int err, k;

		memcpy(kept, bytes + i, 4);
		memset(bytes + i, 0xff, 4);
		sum = crc32(0, bytes + 16, size - 16);
		for (k = 0; k < 4; k++)
			bytes[12 + k] = sum >> 8 * k;
		err = baseline_load(&options, bytes, size, &again);
		assert_true(err == 0 || err == -EBADMSG);
		refused += err != 0;
		for (k = 0; !err && k < 300; k++)
			assert_int_equal(baseline_feed(again, MONDAY + 9 * DAY + k * 60, 2, &v), 0);
		if (!err)
			baseline_free(again);
		memcpy(bytes + i, kept, 4);
	}
	assert_true(refused > 100);
	baseline_free(b);
	free(bytes);
}

static void test_bad_input(void **state)
{
	struct baseline_options options = baseline_defaults;
	struct baseline *b = baseline_new(&options);
	struct baseline_verdict v;

	assert_int_equal(baseline_feed(b, MONDAY, NAN, &v), -EINVAL);
	assert_int_equal(baseline_feed(b, MONDAY, INFINITY, &v), -EINVAL);
	assert_int_equal(baseline_feed(b, MONDAY, 2e30f, &v), -EINVAL);
	assert_int_equal(baseline_feed(b, INT64_MAX, 1, &v), -EINVAL);
	assert_int_equal(baseline_feed(b, INT64_MIN, 1, &v), -EINVAL);
	assert_int_equal(baseline_feed(b, -DAY, -1, &v), 0);
	options.step_s = 30;
	assert_int_equal(baseline_set_options(b, &options), -EINVAL);
	baseline_free(b);
	options.step_s = 0;
	errno = 0;
	assert_null(baseline_new(&options));
	assert_int_equal(errno, EINVAL);
	options.step_s = BASELINE_STEP_MAX_S + 1;
	assert_null(baseline_new(&options));
	baseline_free(NULL);
}

#define N_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

int main(void)
{
	struct CMUnitTest tests[N_SHAPES + 5] = {
		cmocka_unit_test(test_seconds),	  cmocka_unit_test(test_explanation),
		cmocka_unit_test(test_store),	  cmocka_unit_test(test_store_nonsense),
		cmocka_unit_test(test_bad_input),
	};
	size_t i;

	for (i = 0; i < N_SHAPES; i++)
		tests[5 + i] = (struct CMUnitTest){shapes[i].name, test_shape, NULL, NULL,
						   (void *)&shapes[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
