// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/upload/backoff.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

/* A uniform part of `most`, both ends included. */
static uint64_t part_of(uint64_t most, uint32_t random)
{
	return (most + 1) * random >> 32;
}

uint64_t backoff_failed(struct backoff *b, uint64_t now_ms, int64_t retry_after_s, uint32_t random)
{
	uint64_t bound = BACKOFF_FIRST_MS;

	if (!b->failures)
		b->outage_ms = now_ms;
	for (unsigned i = 0; i < b->failures && bound < BACKOFF_MOST_MS; i++)
		bound *= 2;
	if (bound > BACKOFF_MOST_MS)
		bound = BACKOFF_MOST_MS;
	b->failures += b->failures < UINT32_MAX;
	if (retry_after_s < 0)
		return part_of(bound, random);
	if (retry_after_s > RETRY_AFTER_MOST_S)
		retry_after_s = RETRY_AFTER_MOST_S;
	uint64_t spread = retry_after_s * 1000 / 4;

	return retry_after_s * 1000 +
	       part_of(spread > BACKOFF_SPREAD_MOST_MS ? BACKOFF_SPREAD_MOST_MS : spread, random);
}

uint64_t backoff_succeeded(struct backoff *b, uint64_t now_ms, uint32_t random)
{
	uint64_t outage = b->failures && now_ms > b->outage_ms ? now_ms - b->outage_ms : 0;

	*b = (struct backoff){0};
	if (outage < BACKOFF_OUTAGE_MS)
		return 0;
	return part_of(outage > BACKOFF_SPREAD_MOST_MS ? BACKOFF_SPREAD_MOST_MS : outage, random);
}

/* The three forms that a recipient has to take; all are UTC. */
static bool http_date(const char *value, time_t *ret)
{
	static const char *const formats[] = {"%a, %d %b %Y %H:%M:%S GMT",
					      "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = {0};
		const char *end = strptime(value, formats[i], &tm);

		if (!end || *end)
			continue;
		*ret = timegm(&tm);
		return *ret != (time_t)-1;
	}
	return false;
}

int64_t retry_after_parse(const char *value, int64_t now_s)
{
	int64_t seconds = 0;
	time_t date;

	if (isdigit((unsigned char)*value)) {
		for (; isdigit((unsigned char)*value); value++)
			if (seconds <= RETRY_AFTER_MOST_S)
				seconds = seconds * 10 + (*value - '0');
		if (*value)
			return -1;
	} else if (http_date(value, &date)) {
		/* Both may be anything: compared before they are subtracted. */
		seconds = date <= now_s			      ? 0
			  : date > now_s + RETRY_AFTER_MOST_S ? RETRY_AFTER_MOST_S
							      : date - now_s;
	} else {
		return -1;
	}
	return seconds > RETRY_AFTER_MOST_S ? RETRY_AFTER_MOST_S : seconds;
}
