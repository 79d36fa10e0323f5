// SPDX-License-Identifier: BSD-2-Clause
/* Made-up weeks of memory and waits, second by second, with a clock of their own. */
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

#include "user/lib/detect/band.h"

#define HOUR 3600
#define DAY 86400
#define MONDAY 1767571200 /* 2026-01-05 00:00 UTC */
#define SHAPE_EVENTS 4
#define STEP_S 2 /* as where each second one is lost: half the time of the test */

/* At HOURS after the start the value grows by SIZE for so many seconds; TOLD: so often. */
struct event {
	double hours, seconds, size;
	int told;
};

struct shape {
	const char *name;
	double level, daily, noise, drift; /* daily: added from 9 to 18; drift: a day */
	double job_from_day, job;	   /* added at 03:00 for 20 minutes */
	double known;			   /* share of the seconds in which it is; 0: all */
	double least;
	int days, may; /* may: alerts that are neither asked for nor wrong */
	enum baseline_direction direction;
	int64_t start;
	const char *zone;
	struct event events[SHAPE_EVENTS];
	double incident_at, incident_hours; /* something else is wrong with the client */
	double gap_at, gap_hours, clock_at, clock_by, restart_at;
	double low, high; /* what must be normal at the end, at a working noon; 0: not asked */
};

static double random_next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (*state >> 40) / (double)(1 << 24);
}

static bool within(double hours, double at, double length)
{
	return length && hours >= at && hours < at + length;
}

/* NOISE is that of the minute; seconds have a tenth of it besides. */
static double shape_value(const struct shape *s, double hours, int local_hour, int local_minute,
			  double noise, uint64_t *state)
{
	double value = s->level + s->drift * hours / 24 +
		       s->noise * (noise + 0.1 * (random_next(state) - 0.5));

	if (local_hour >= 9 && local_hour < 18)
		value += s->daily;
	if (local_hour == 3 && local_minute < 20 && hours >= s->job_from_day * 24)
		value += s->job;
	for (int i = 0; i < SHAPE_EVENTS; i++)
		if (within(hours, s->events[i].hours, s->events[i].seconds / 3600))
			value += s->events[i].size;
	if (s->known && random_next(state) > s->known)
		return NAN;
	return value > 0 ? value : 0;
}

static void restart(struct bands *b)
{
	size_t size = bands_size();
	void *buffer = malloc(size);

	assert_int_equal(bands_save(b, buffer, size), 0);
	memset(b, 0x55, sizeof(*b));
	assert_int_equal(bands_load(buffer, size, b), 0);
	free(buffer);
}

static struct baseline_options options_of(const struct shape *s)
{
	return (struct baseline_options){
		.step_s = 1,
		.sustain_s = 30,
		.learn_s = DAY,
		.adopt_s = DAY,
		.least = s->least,
		.direction = s->direction ? s->direction : BASELINE_HIGH,
	};
}

/* The event that an alert at HOURS is about (each counts for its length and 12 hours), or -1. */
static int event_of(const struct shape *s, double hours)
{
	int found = -1;

	for (int i = 0; i < SHAPE_EVENTS; i++)
		if (s->events[i].seconds &&
		    within(hours, s->events[i].hours, s->events[i].seconds / 3600 + 12))
			found = i;
	return found;
}

static void normal_check(const struct shape *s, struct bands *b)
{
	float low, median, high;

	if (!s->high)
		return;
	assert_true(bands_normal(b, METRIC_MEMORY, MONDAY + 12 * HOUR, &low, &median, &high));
	if (fabs(low - s->low) > 0.03 * s->high || fabs(high - s->high) > 0.03 * s->high)
		fail_msg("%s: normal is %.3g to %.3g, not %.3g to %.3g", s->name, low, high, s->low,
			 s->high);
}

static void told_check(const struct shape *s, const int told[SHAPE_EVENTS], int other)
{
	for (int i = 0; i < SHAPE_EVENTS; i++)
		if (s->events[i].told >= 0 && told[i] != s->events[i].told)
			fail_msg("%s: event %d was told %d times, not %d", s->name, i, told[i],
				 s->events[i].told);
	if (other > s->may)
		fail_msg("%s: %d alerts that nobody asked for", s->name, other);
}

static void test_shape(void **state)
{
	const struct shape *s = *state;
	struct baseline_options options = options_of(s);
	int told[SHAPE_EVENTS] = {0}, other = 0;
	struct bands *b = malloc(sizeof(*b));
	struct calendar calendar = {0};
	struct baseline_verdict v;
	uint64_t random = 1;

	setenv("TZ", s->zone ? s->zone : "UTC", 1);
	tzset();
	bands_init(b);
	for (int64_t t = 0; t < (int64_t)s->days * DAY; t += STEP_S) {
		int64_t now = (s->start ? s->start : MONDAY) + t;
		static struct tm tm;
		static double noise;
		double hours = t / (double)HOUR;
		time_t wall = now;

		if (t % 60 == 0) {
			localtime_r(&wall, &tm);
			noise = 2 * random_next(&random) - 1;
		}
		double value = shape_value(s, hours, tm.tm_hour, tm.tm_min, noise, &random);

		if (s->clock_by && hours >= s->clock_at)
			now += s->clock_by * HOUR;
		if (within(hours, s->gap_at, s->gap_hours))
			continue;
		if (s->restart_at && hours == s->restart_at)
			restart(b);
		struct calendar_hour hour = calendar_at(&calendar, now);
		if (band_feed(&b->of[METRIC_MEMORY - 1], &options, &hour, now, value,
			      within(hours, s->incident_at, s->incident_hours), &v)) {
			assert_true(isnan(value));
			continue;
		}
		if (!v.begins)
			continue;
		int event = event_of(s, hours);

		print_message("# day %5.2f: %.3g, normally %.3g to %.3g (score %.2f)\n", hours / 24,
			      value, v.normal_low, v.normal_high, v.score);
		if (event >= 0)
			told[event]++;
		else
			other++;
	}
	told_check(s, told, other);
	normal_check(s, b);
	free(b);
}

/* In GB; then shares of the time. */
static const struct shape shapes[] = {
	{"steady", .level = 1, .noise = 0.1, .days = 22, .low = 0.91, .high = 1.09},
	{"nothing at all", .level = 0, .days = 10},
	{"a constant", .level = 1, .days = 10},
	{"a working day", .level = 0.9, .daily = 0.6, .noise = 0.05, .days = 21, .low = 1.455,
	 .high = 1.545},
	{"half as much again", .level = 1, .noise = 0.1, .days = 14, .events = {{200, 600, 2.1, 1}}},
	{"on the first day", .level = 1, .noise = 0.1, .days = 14, .events = {{15, 600, 2, 0}}},
	{"for too short a time", .level = 1, .noise = 0.1, .days = 14, .events = {{200, 25, 2, 0}}},
	{"less than is worth a word", .level = 1, .noise = 0.02, .days = 14, .least = 0.25,
	 .events = {{200, 600, 0.2, 0}, {250, 600, 0.6, 1}}},
	{"a slow leak", .level = 1, .noise = 0.05, .drift = 0.01, .days = 21},
	{"a leak of a night", .level = 1, .noise = 0.05, .days = 14, .events = {{200, 600, 0.3, 1}}},
	/* Told once; after a day it is the new normal, and what is above that is news again. */
	{"a new level", .level = 1, .noise = 0.05, .days = 21, .low = 1.955, .high = 2.045,
	 .events = {{200, 500 * HOUR, 1, 1}}},
	{"above a new level", .level = 1, .noise = 0.05, .days = 21,
	 .events = {{200, 500 * HOUR, 1, 1}, {400, 600, 1, 1}}},
	{"a job at three", .level = 1, .noise = 0.05, .job = 2, .days = 21},
	{"a new job at three", .level = 1, .noise = 0.05, .job_from_day = 8, .job = 2, .days = 21,
	 .may = 2},
	{"as by day, but at night", .level = 0.9, .daily = 1, .noise = 0.05, .days = 14,
	 .events = {{9 * 24 + 2, 3600, 1, 1}}},
	/* Not learned: the same the day after is told again, though it had lasted for hours. */
	{"an incident twice", .level = 1, .noise = 0.05, .days = 14,
	 .events = {{200, 3 * HOUR, 1, 1}, {227, 3 * HOUR, 1, 1}}},
	{"not learned while something else is wrong", .level = 1, .noise = 0.05, .days = 14,
	 .low = 0.955, .high = 1.045,
	 .incident_at = 100, .incident_hours = 40, .events = {{101, 38 * HOUR, 0.1, 1}, {200, 600, 0.1, 1}}},
	{"two within the hour", .level = 1, .noise = 0.05, .days = 14,
	 .events = {{200, 600, 1, 1}, {200.5, 600, 1, 0}}},
	{"much less", .level = 1, .noise = 0.05, .days = 14, .direction = BASELINE_LOW,
	 .events = {{200, 600, -0.5, 1}, {250, 600, 1, 0}}},
	{"much less, only high", .level = 1, .noise = 0.05, .days = 14,
	 .events = {{200, 600, -0.5, 0}}},
	{"missing hours", .level = 0.9, .daily = 0.6, .noise = 0.05, .days = 14, .gap_at = 200,
	 .gap_hours = 7, .events = {{240, 600, 2, 1}}},
	{"missing days", .level = 0.9, .daily = 0.6, .noise = 0.05, .days = 21, .gap_at = 200,
	 .gap_hours = 100},
	{"the clock set back an hour", .level = 1, .noise = 0.1, .days = 14, .clock_at = 200.5,
	 .clock_by = -1, .events = {{240, 600, 2, 1}}},
	{"the clock set back a week", .level = 1, .noise = 0.1, .days = 14, .clock_at = 200.5,
	 .clock_by = -168},
	{"the clock set to next year", .level = 1, .noise = 0.1, .days = 14, .clock_at = 200.5,
	 .clock_by = 8760},
	{"summer time begins", .level = 0.9, .daily = 0.6, .noise = 0.05, .days = 21,
	 .start = 1773615600, .zone = "Europe/Stockholm"},
	{"summer time ends", .level = 0.9, .daily = 0.6, .noise = 0.05, .days = 21,
	 .start = 1791756000, .zone = "Europe/Stockholm"},
	{"a restart", .level = 0.9, .daily = 0.6, .noise = 0.05, .days = 14, .restart_at = 206.5,
	 .events = {{212, 600, 2, 1}}},
	{"a restart in an incident", .level = 1, .noise = 0.05, .days = 14, .restart_at = 201,
	 .events = {{200, 3 * HOUR, 1, 1}}},
	{"waits", .level = 0.02, .noise = 0.02, .days = 14, .least = 0.2,
	 .events = {{200, 40, 0.15, 0}, {250, 40, 0.4, 1}}},
	{"waits of a busy day", .level = 0.02, .daily = 0.3, .noise = 0.02, .days = 14, .least = 0.2,
	 .events = {{9 * 24 + 2, 300, 0.3, 1}, {10 * 24 + 12, 300, 0.1, 0}}},
	{"waits of who seldom runs", .level = 0.05, .noise = 0.1, .known = 0.7, .days = 14,
	 .least = 0.2, .low = 0, .high = 0.14},
};

/* One hour of each week, and where it ends; its minutes are even from 0 to 1. */
static void weeks_feed(struct band *b, int weeks, uint64_t *random)
{
	struct baseline_options o = options_of(&(struct shape){0});
	struct baseline_verdict v;
	double minute = 0;

	for (int64_t i = 0; i < weeks * (HOUR + 1); i++) {
		int64_t t = i / (HOUR + 1) * 7 * DAY + 100 * HOUR + i % (HOUR + 1);
		struct calendar_hour now = {t / HOUR, t / DAY, t / HOUR % 168};

		if (t % 60 == 0)
			minute = random_next(random);
		assert_int_equal(band_feed(b, &o, &now, t, minute, false, &v), 0);
	}
}

/* Five points stand for all weeks before: near the exact quantiles, however many there were. */
static void test_points(void **state)
{
	static const double exact[3] = {0.05, 0.5, 0.95};
	struct band *b = malloc(sizeof(*b));
	uint64_t random = 3;
	int weeks[] = {3, 12, 52}, times = 10;

	for (size_t w = 0; w < 3; w++) {
		double got[3] = {0};

		for (int i = 0; i < times; i++) {
			float low, median, high;

			band_init(b);
			weeks_feed(b, weeks[w], &random);
			assert_true(band_normal(b, 100, &low, &median, &high));
			got[0] += low / times;
			got[1] += median / times;
			got[2] += high / times;
		}
		print_message("# after %d weeks %.3f %.3f %.3f\n", weeks[w], got[0], got[1], got[2]);
		for (int i = 0; i < 3; i++)
			if (fabs(got[i] - exact[i]) > (i == 1 ? 0.05 : 0.025))
				fail_msg("after %d weeks: %.3f, not %.2f", weeks[w], got[i], exact[i]);
	}
	free(b);
}

static struct bands *taught(void)
{
	struct bands *b = malloc(sizeof(*b));
	struct baseline_options options[METRICS];
	struct baseline_verdict v[METRICS];
	uint64_t random = 7;

	for (int m = 0; m < METRICS; m++)
		options[m] = options_of(&(struct shape){0});
	bands_init(b);
	for (int64_t t = 0; t < 9 * DAY; t++) {
		double values[METRICS];

		for (int m = 0; m < METRICS; m++)
			values[m] = m + 0.1 * random_next(&random);
		bands_feed(b, options, MONDAY + t, values, false, v);
	}
	return b;
}

/* Saved, loaded and saved again is the same; any damaged byte, or another length, is refused. */
static void test_store(void **state)
{
	size_t size = bands_size();
	uint8_t *one = malloc(size), *two = malloc(size);
	struct bands *b = taught(), *again = malloc(sizeof(*again)), *none = malloc(sizeof(*none));
	struct bands *nothing = malloc(sizeof(*nothing));

	bands_init(nothing);
	print_message("# %zu bytes in memory for a client, %zu saved\n", sizeof(*b), size);
	assert_true(sizeof(*b) < 20480 && size < 20480);
	assert_int_equal(bands_save(b, one, size - 1), -ENOSPC);
	assert_int_equal(bands_save(b, one, size), 0);
	assert_int_equal(bands_load(one, size, again), 0);
	assert_int_equal(bands_save(again, two, size), 0);
	assert_memory_equal(one, two, size);
	for (int m = 1; m < METRICS; m++) {
		float x[3], y[3];

		assert_true(bands_normal(b, m, MONDAY, &x[0], &x[1], &x[2]));
		assert_true(bands_normal(again, m, MONDAY, &y[0], &y[1], &y[2]));
		assert_memory_equal(x, y, sizeof(x));
		assert_true(x[0] > m - 0.1 && x[0] <= x[1] && x[1] <= x[2] && x[2] < m + 0.2);
	}
	for (size_t i = 0; i < size; i++) {
		one[i] ^= 0x10;
		assert_int_equal(bands_load(one, size, none), i / 4 == 1 ? -EPROTO : -EBADMSG);
		assert_memory_equal(none, nothing, sizeof(*none));
		one[i] ^= 0x10;
	}
	for (size_t i = 0; i < size; i += i < 64 ? 1 : 997)
		assert_int_equal(bands_load(one, i, none), -EBADMSG);
	free(b);
	free(again);
	free(none);
	free(nothing);
	free(one);
	free(two);
}

static void seal(uint8_t *bytes, size_t size)
{
	uint32_t sum = crc32(0, bytes + 16, size - 16);

	for (int k = 0; k < 4; k++) {
		bytes[8 + k] = size >> 8 * k;
		bytes[12 + k] = sum >> 8 * k;
	}
}

/* What a version with fewer metrics saved goes on; what one with more saved is left alone. */
static void test_other_versions(void **state)
{
	size_t size = bands_size(), each = (size - 20) / (METRICS - 1);
	uint8_t *bytes = malloc(size);
	struct bands *b = taught(), *again = malloc(sizeof(*again));
	float low, median, high;

	bands_save(b, bytes, size);
	bytes[16] = METRICS - 2;
	seal(bytes, size - each);
	assert_int_equal(bands_load(bytes, size - each, again), 0);
	assert_true(bands_normal(again, METRIC_WAIT, MONDAY, &low, &median, &high));
	assert_false(bands_normal(again, METRICS - 1, MONDAY, &low, &median, &high));
	bands_save(b, bytes, size);
	bytes[20] = 200; /* instead of METRIC_WAIT */
	seal(bytes, size);
	assert_int_equal(bands_load(bytes, size, again), 0);
	assert_false(bands_normal(again, METRIC_WAIT, MONDAY, &low, &median, &high));
	assert_true(bands_normal(again, METRICS - 1, MONDAY, &low, &median, &high));
	/* A sum that is right doesn't vouch for the content: points out of order, no numbers, times. */
	for (size_t i = 20, refused = 0; i < size || (assert_true(refused > 100), 0); i += 6) {
		int err;

		bands_save(b, bytes, size);
		memset(bytes + i, 0xff, size - i < 4 ? size - i : 4);
		seal(bytes, size);
		err = bands_load(bytes, size, again);
		assert_true(err == 0 || err == -EBADMSG);
		refused += err != 0;
	}
	free(b);
	free(again);
	free(bytes);
}

static void test_bad_input(void **state)
{
	struct baseline_options o = options_of(&(struct shape){0});
	struct calendar_hour now = {0, 0, 0};
	struct band *b = malloc(sizeof(*b));
	struct baseline_verdict v;
	float low, median, high;

	band_init(b);
	assert_int_equal(band_feed(b, &o, &now, MONDAY, NAN, false, &v), -EINVAL);
	assert_int_equal(band_feed(b, &o, &now, MONDAY, INFINITY, false, &v), -EINVAL);
	assert_int_equal(band_feed(b, &o, &now, MONDAY, 2e30f, false, &v), -EINVAL);
	assert_int_equal(band_feed(b, &o, &now, INT64_MAX, 1, false, &v), -EINVAL);
	assert_int_equal(band_feed(b, &o, &now, INT64_MIN, 1, false, &v), -EINVAL);
	assert_int_equal(band_feed(b, &o, &now, -DAY, -1, false, &v), 0);
	assert_false(band_normal(b, 0, &low, &median, &high));
	free(b);
}

/* Far within the daemon's budget: 200 clients with 5 metrics are 1,000 of these a second. */
static void test_cost(void **state)
{
	struct bands *b = taught();
	struct baseline_options options[METRICS];
	struct baseline_verdict v[METRICS];
	struct timespec begin, end;
	double values[METRICS] = {1, 1, 2, 3, 4, 5}, ns;

	for (int m = 0; m < METRICS; m++)
		options[m] = options_of(&(struct shape){0});
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	for (int t = 0; t < DAY; t++)
		bands_feed(b, options, MONDAY + 9 * DAY + t, values, false, v);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	ns = ((end.tv_sec - begin.tv_sec) * 1e9 + end.tv_nsec - begin.tv_nsec) / DAY;
	print_message("# %.0f ns a client and second: 200 clients %.4f %% of a CPU\n", ns,
		      200 * ns / 1e7);
	assert_true(ns < 15000); /* 0.3 %; a wide bound, for sanitizers and busy machines */
	free(b);
}

#define N_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

int main(void)
{
	struct CMUnitTest tests[N_SHAPES + 5] = {
		cmocka_unit_test(test_points),	       cmocka_unit_test(test_store),
		cmocka_unit_test(test_other_versions), cmocka_unit_test(test_bad_input),
		cmocka_unit_test(test_cost),
	};

	for (size_t i = 0; i < N_SHAPES; i++)
		tests[5 + i] = (struct CMUnitTest){shapes[i].name, test_shape, NULL, NULL,
						   (void *)&shapes[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
