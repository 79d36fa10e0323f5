/* SPDX-License-Identifier: BSD-2-Clause */
/* A token bucket: so many a second, and those of two seconds at once. The clock is handed in. */
#ifndef BD_SERVER_RATE_H
#define BD_SERVER_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_BURST_S 2

struct rate {
	bool begun;
	double left;
	int64_t at_ms;
};

/* One more at this moment: false where it is one too many. */
static inline bool rate_take(struct rate *r, uint64_t per_second, int64_t now_ms)
{
	double most = (double)per_second * RATE_BURST_S;

	if (!r->begun)
		r->left = most;
	else if (now_ms > r->at_ms)
		r->left += (double)(now_ms - r->at_ms) * (double)per_second / 1000;
	r->begun = true;
	r->at_ms = now_ms;
	if (r->left > most)
		r->left = most;
	if (r->left < 1)
		return false;
	r->left -= 1;
	return true;
}

#endif
