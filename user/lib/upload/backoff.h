/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When the uploader tries again: exponential backoff with full jitter (a uniform part of a bound that
 * doubles), what Retry-After says where the receiver said it, and a pause after an outage so that a
 * fleet does not come back all at once. Sees numbers and a clock that is handed in.
 */
#ifndef BD_BACKOFF_H
#define BD_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MOST_MS (300 * 1000)
#define BACKOFF_TOKEN_MS (300 * 1000) /* a token that is refused: somebody has to do something */
#define RETRY_AFTER_MOST_S 3600
/* An outage that was shorter spreads nobody: its retries were within a few seconds. */
#define BACKOFF_OUTAGE_MS (60 * 1000)
#define BACKOFF_SPREAD_MOST_MS (60 * 1000)

struct backoff {
	unsigned failures;   /* in a row */
	uint64_t outage_ms;  /* when the first of them was; of a clock that does not jump */
};

/*
 * After a failure: for how long to wait, given a random number from the whole of its range.
 * `retry_after_s` (-1: there was none) is waited for at least, with up to a quarter, at most 60 s,
 * on top: the receiver says the same to all.
 */
uint64_t backoff_failed(struct backoff *b, uint64_t now_ms, int64_t retry_after_s, uint32_t random);
/* After a success: 0, or where it ends an outage, for how long to wait before the next report. */
uint64_t backoff_succeeded(struct backoff *b, uint64_t now_ms, uint32_t random);

/*
 * Seconds that a Retry-After header asks for: a number, or an HTTP date (RFC 9110, 10.2.3) against
 * the clock `now_s`. -1 where it is neither; at most RETRY_AFTER_MOST_S; a date gone by is 0.
 */
int64_t retry_after_parse(const char *value, int64_t now_s);

#endif
