// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/base/metric.h"

#include <stdio.h>
#include <string.h>

#define KB 1024.0

static const struct kind {
	const char *name, *unit;
	const char *did, *does; /* "NAME held 3.1 GB …; … it normally holds …" */
	const char *shown;	/* unit behind a number; of bytes the number has one of its own */
	double scale;		/* of what is shown */
	const char *behind;	/* behind number and unit */
} kinds[METRICS] = {
	[METRIC_CPU] = {"cpu", "cores", "used", "uses", " cores", 1, ""},
	[METRIC_WAIT] = {"wait", "share", "waited for a CPU", "waits", " %", 100, " of the time"},
	[METRIC_THROTTLED] = {"throttled", "share", "was held back by its quota", "is", " %", 100,
			      " of the time"},
	[METRIC_PRESSURE] = {"pressure", "share", "had something waiting for a CPU", "has", " %",
			     100, " of the time"},
	[METRIC_MEMORY] = {"memory", "bytes", "held", "holds", NULL, 1, ""},
	[METRIC_THREADS] = {"threads", "threads", "had", "has", " threads", 1, ""},
};

const char *metric_name(enum metric metric)
{
	return kinds[metric].name;
}

int metric_find(const char *name)
{
	int m = METRICS - 1;

	while (m >= 0 && strcmp(kinds[m].name, name))
		m--;
	return m;
}

const char *metric_unit(enum metric metric)
{
	return kinds[metric].unit;
}

/* In what VALUE, and what is shown beside it, is read best. */
static double scale_of(const struct kind *k, double value, const char **ret_unit)
{
	static const char *const units[] = {" KB", " MB", " GB", " TB"};
	double bytes = KB;
	int i;

	*ret_unit = k->shown;
	if (k->shown)
		return k->scale;
	for (i = 0; i < 3 && value >= 999.5 * bytes; i++)
		bytes *= KB;
	*ret_unit = units[i];
	return 1 / bytes;
}

/* Three digits that matter, and none behind the point of what comes in whole numbers. */
static int put(char *text, size_t size, double shown)
{
	int decimals = shown >= 99.95 || shown < 0.0005 ? 0 : shown >= 9.995 ? 1 : 2;
	char number[40];
	int n = snprintf(number, sizeof(number), "%.*f", decimals, shown);

	if (decimals) {
		while (number[n - 1] == '0')
			n--;
		n -= number[n - 1] == '.';
		number[n] = '\0';
	}
	return snprintf(text, size, "%s", number);
}

const char *metric_value(enum metric metric, double value, char text[METRIC_TEXT])
{
	const char *unit;
	double scale = scale_of(&kinds[metric], value, &unit);
	int n = put(text, METRIC_TEXT, value * scale);

	snprintf(text + n, METRIC_TEXT - n, "%s", unit);
	return text;
}

const char *metric_range(enum metric metric, double low, double high, char text[METRIC_TEXT])
{
	const char *unit;
	double scale = scale_of(&kinds[metric], high, &unit);
	int n = put(text, METRIC_TEXT, low * scale);

	n += snprintf(text + n, METRIC_TEXT - n, " to ");
	n += put(text + n, METRIC_TEXT - n, high * scale);
	snprintf(text + n, METRIC_TEXT - n, "%s", unit);
	return text;
}

int metric_sentence(enum metric metric, const char *subject, double value, const char *how_long,
		    const char *hour, double low, double high, char *text, size_t size)
{
	const struct kind *k = &kinds[metric];
	char now[METRIC_TEXT], normal[METRIC_TEXT];

	return snprintf(text, size, "%s %s %s%s %s; at %s it normally %s %s", subject, k->did,
			metric_value(metric, value, now), k->behind, how_long, hour, k->does,
			metric_range(metric, low, high, normal));
}
