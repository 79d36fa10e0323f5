// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/base/summary_text.h"

#include <stdio.h>
#include <string.h>

#include "user/lib/base/utf8.h"

static const char *scaled(double value, const char *unit, char *ret)
{
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(ret, SUMMARY_NUMBER_BYTES, "%.*f %s", decimals, value, unit);
	return ret;
}

const char *summary_time(uint64_t ns, char ret[SUMMARY_NUMBER_BYTES])
{
	if (ns >= 999500000)
		return scaled(ns / 1e9, "s", ret);
	if (ns >= 999500)
		return scaled(ns / 1e6, "ms", ret);
	snprintf(ret, SUMMARY_NUMBER_BYTES, "%.0f us", ns / 1e3);
	return ret;
}

const char *summary_bytes(uint64_t bytes, char ret[SUMMARY_NUMBER_BYTES])
{
	static const char *const units[] = {"KB", "MB", "GB"};
	double value = bytes / 1024.0;
	int i = 0;

	for (; i < 2 && value >= 999.5; i++)
		value /= 1024;
	return scaled(value, units[i], ret);
}

const char *summary_count(uint64_t n, char ret[SUMMARY_NUMBER_BYTES])
{
	char digits[24], *to = ret;
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return ret;
}

double summary_percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * part / whole : 0;
}

unsigned int summary_name(struct out *out, const char *name, unsigned int columns)
{
	unsigned int used = 0, all = 0;
	size_t step;

	for (const char *p = name; *p; p += step ? step : 1, all++)
		step = utf8_step(p, strlen(p));
	for (const char *p = name; *p && used < columns; p += step ? step : 1, used++) {
		step = utf8_step(p, strlen(p));
		if (used + 1 == columns && all > columns)
			out_text(out, "\xe2\x80\xa6");
		else if (!step || (unsigned char)*p < 0x20 || *p == 0x7f)
			out_char(out, '?');
		else
			out_write(out, p, step);
	}
	return used;
}
