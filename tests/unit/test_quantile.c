// SPDX-License-Identifier: BSD-2-Clause
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

#include "user/lib/detect/quantile.h"
#include "user/lib/detect/sustain.h"

static double uniform(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (*state >> 11) * 0x1p-53;
}

static double shape_uniform(double u)
{
	return u;
}

static double shape_exponential(double u)
{
	return -log(1 - u);
}

static double shape_heavy(double u)
{
	return pow(1 - u, -0.4);
}

static double shape_two(double u)
{
	return u < 0.5 ? 1 : 100 + u;
}

static double shape_constant(double u)
{
	return 7;
}

static double (*const shapes[])(double) = {
	shape_uniform, shape_exponential, shape_heavy, shape_two, shape_constant,
};

/* The share of VALUES below X, the middle of the range where some are equal. */
static double rank_of(const float *values, size_t n, float x)
{
	size_t below = 0, equal = 0, i;

	for (i = 0; i < n; i++) {
		below += values[i] < x;
		equal += values[i] == x;
	}
	return (below + equal / 2.0) / n;
}

/* Added in lots of any size, no quantile is further from its rank than a point is wide. */
static void test_ranks(void **state)
{
	enum { N = 5000 };
	static float all[N], lot[200];
	static const double ps[] = {0.02, 0.05, 0.25, 0.5, 0.75, 0.95, 0.98};
	size_t s, i, k;

	for (s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		struct quantile q = {0};
		uint64_t seed = s + 1;

		for (i = 0; i < N;) {
			size_t n = 1 + (size_t)(uniform(&seed) * 199);

			if (n > N - i)
				n = N - i;
			for (k = 0; k < n; k++)
				all[i + k] = lot[k] = shapes[s](uniform(&seed));
			quantile_add(&q, lot, n);
			i += n;
		}
		assert_true(q.n <= QUANTILE_POINTS);
		assert_true(fabsf(quantile_weight(&q) - N) < 1);
		assert_true(quantile_at(&q, 0) == q.min && quantile_at(&q, 1) == q.max);
		for (i = 0; i < N; i++)
			assert_true(all[i] >= q.min && all[i] <= q.max);
		for (i = 0; i < sizeof(ps) / sizeof(ps[0]); i++) {
			float x = quantile_at(&q, ps[i]);
			double rank = rank_of(all, N, x);

			if (shapes[s] != shape_constant && fabs(rank - ps[i]) > 0.08 &&
			    !(shapes[s] == shape_two && fabs(rank - ps[i]) <= 0.25))
				fail_msg("shape %zu: quantile %g is %g, whose rank is %g", s, ps[i],
					 x, rank);
			assert_true(i == 0 || x >= quantile_at(&q, ps[i - 1]));
		}
	}
}

static void test_few(void **state)
{
	struct quantile q = {0};
	float one[] = {5}, three[] = {9, 1, 5};

	assert_true(quantile_at(&q, 0.5) == 0);
	quantile_decay(&q, 0.5f);
	quantile_add(&q, one, 0);
	assert_int_equal(q.n, 0);
	quantile_add(&q, one, 1);
	assert_true(quantile_at(&q, 0) == 5 && quantile_at(&q, 0.3) == 5 &&
		    quantile_at(&q, 1) == 5);
	quantile_add(&q, three, 3);
	assert_true(q.min == 1 && q.max == 9 && quantile_at(&q, 0.5) == 5);
}

/* What does not recur fades; what does stays. */
static void test_decay(void **state)
{
	struct quantile q = {0};
	float old[100], fresh[100];
	int day, i;

	for (i = 0; i < 100; i++)
		old[i] = 10 + i % 10;
	quantile_add(&q, old, 100);
	for (day = 0; day < 100; day++) {
		for (i = 0; i < 100; i++)
			fresh[i] = i % 10;
		quantile_decay(&q, 0.9f);
		quantile_add(&q, fresh, 100);
		assert_true(q.min == 0);
	}
	assert_true(quantile_at(&q, 0.9) < 10);
	assert_true(q.max < 10 && q.max >= 9);
	assert_true(fabsf(quantile_weight(&q) - 1000) < 50);
}

/* Against the plain way, for lengths from one up. */
static void test_sustain(void **state)
{
	static const uint32_t lengths[] = {1, 2, 3, 30, 3600};
	static float values[8000];
	size_t l, i, k;

	for (l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
		struct sustain s = {0};
		uint64_t seed = l;

		assert_int_equal(sustain_init(&s, lengths[l]), 0);
		for (i = 0; i < 8000; i++) {
			float least, most, low = INFINITY, high = -INFINITY;

			values[i] = floor(uniform(&seed) * 50) + (i / 100 % 3) * 20;
			sustain_add(&s, values[i], &least, &most);
			if (i % 7 && lengths[l] > 100)
				continue;
			for (k = i + 1 > lengths[l] ? i + 1 - lengths[l] : 0; k <= i; k++) {
				low = fminf(low, values[k]);
				high = fmaxf(high, values[k]);
			}
			assert_true(least == low && most == high);
		}
		sustain_clear(&s);
		sustain_add(&s, 3, &values[0], &values[1]);
		assert_true(values[0] == 3 && values[1] == 3 && s.count == 1);
		sustain_release(&s);
	}
	struct sustain none = {0};

	assert_true(sustain_init(&none, 0) < 0 && sustain_init(&none, 3601) < 0);
	sustain_release(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranks),
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_decay),
		cmocka_unit_test(test_sustain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
