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

#include "user/lib/detect/series.h"

/* Rows as `t value`, then what ended it: "" or the error. */
static void read_all(const char *text, char *out, size_t size)
{
	FILE *file = fmemopen((void *)text, strlen(text), "r");
	char error[160] = "";
	struct series *s = series_open(file, error, sizeof(error));
	struct series_row row;
	size_t n = 0;

	out[0] = 0;
	while (s && series_next(s, &row, error, sizeof(error)) > 0)
		n += snprintf(out + n, size - n, "%lld %g|", (long long)row.t_s, row.value);
	snprintf(out + n, size - n, "%s", error);
	series_close(s);
	fclose(file);
}

static const struct {
	const char *text, *expected;
} cases[] = {
	{"timestamp,value\n2014-02-14 14:30:00,1.5\n2014-02-14 14:35:00,-2\n",
	 "1392388200 1.5|1392388500 -2|"},
	{"timestamp,value\r\n2014-02-14T14:30:00Z,1e2\r\n2014-02-14T14:35:00.250,0.125\r\n",
	 "1392388200 100|1392388500 0.125|"},
	{"a,value, timestamp,b\nx,1,100,y\nx,2,160,y\nx,3,400,y", "100 1|160 2|400 3|"},
	{"timestamp,value\n\n2024-02-29 00:00,1\n\n2024-02-29 00:01,2\n",
	 "1709164800 1|1709164860 2|"},
	{"timestamp,value\n10,1\n20,2\n15,3\n25,4\n35,5\n", "10 1|20 2|15 3|25 4|35 5|"},
	{"timestamp,value\n0,12345678901234567890\n1,0.000001\n", "0 1.23457e+19|1 1e-06|"},
	{"", "it is empty"},
	{"time,value\n1,1\n2,2\n",
	 "line 1: no column `timestamp`; a header with `timestamp` and `value` is needed"},
	{"timestamp,x\n1,1\n2,2\n",
	 "line 1: no column `value`; a header with `timestamp` and `value` is needed"},
	{"timestamp,value\n", "0 rows: at least two are needed"},
	{"timestamp,value\n5,1\n", "1 rows: at least two are needed"},
	{"timestamp,value\n5,1\n5,1\n", "its rows are not at a fixed interval"},
	{"timestamp,value\n0,1\n1,1\n5,1\n7,1\n17,1\n", "its rows are not at a fixed interval"},
	{"timestamp,value\n5,1\n6\n", "line 3: no column `value`"},
	{"timestamp,value\n5,nan\n", "line 2: value `nan`: a finite number is needed"},
	{"timestamp,value\n5,1e99\n", "line 2: value `1e99`: a finite number is needed"},
	{"timestamp,value\n5,\n", "line 2: value ``: a finite number is needed"},
	{"timestamp,value\n5,1x\n", "line 2: value `1x`: a finite number is needed"},
	{"timestamp,value\nnow,1\n",
	 "line 2: timestamp `now`: YYYY-MM-DD HH:MM:SS (UTC) is needed"},
	{"timestamp,value\n2023-02-29 00:00:00,1\n",
	 "line 2: timestamp `2023-02-29 00:00:00`: YYYY-MM-DD HH:MM:SS (UTC) is needed"},
	{"timestamp,value\n2024-01-01 24:00:00,1\n",
	 "line 2: timestamp `2024-01-01 24:00:00`: YYYY-MM-DD HH:MM:SS (UTC) is needed"},
	{"timestamp,value\n2024-01-01 00:00:0,1\n",
	 "line 2: timestamp `2024-01-01 00:00:0`: YYYY-MM-DD HH:MM:SS (UTC) is needed"},
};

static void test_cases(void **state)
{
	char out[400];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_all(cases[i].text, out, sizeof(out));
		assert_string_equal(out, cases[i].expected);
	}
}

/* Irregular later on: a few are a clock that was set, half of them are not a series. */
static void test_irregular(void **state)
{
	static char text[20000], out[40000];
	size_t n = sprintf(text, "timestamp,value\n");
	int i, t = 0;

	for (i = 0; i < 1000; i++) {
		t += i > 200 ? 3 + i % 50 : 60;
		n += sprintf(text + n, "%d,1\n", t);
	}
	read_all(text, out, sizeof(out));
	assert_non_null(strstr(out, "its rows are not at a fixed interval of 60 s"));
}

/* As printf, for sizes from tiny to huge. */
static void test_format(void **state)
{
	static const float few[] = {0,	    1,	  -1,	   0.5,	 100,	 99999.4,  99999.6,
				    123456, 1e-3, 9.99e-4, 1e30, -1e-30, 9.999996, 0.1};
	char text[24], expected[64];
	float value;
	size_t i, k;

	for (i = 0; i < 20000; i++) {
		value = i < 14 ? few[i]
			       : (i % 2 ? 1 : -1) * pow(10, i % 17 - 8.0) * (1 + i / 7919.0);
		k = series_format(text, value);
		assert_int_equal(k, strlen(text));
		snprintf(expected, sizeof(expected), "%.6g", value);
		if (strtod(text, NULL) != strtod(expected, NULL) &&
		    fabs(strtod(text, NULL) / value - 1) > 1.1e-6)
			fail_msg("%s, not %s", text, expected);
	}
	series_format(text, 2.5);
	assert_string_equal(text, "2.5");
	series_format(text, -100);
	assert_string_equal(text, "-100");
	series_format(text, 0.05);
	assert_string_equal(text, "0.05");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_irregular),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
