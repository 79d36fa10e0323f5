/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A body to reports: MessagePack or JSON, gzip-compressed or not, one or a batch. A single report
 * that came as a .bdr is stored byte for byte; others become one, with the same content, fields
 * that nobody here knows included.
 */
#ifndef BD_SERVER_BODY_H
#define BD_SERVER_BODY_H

#include "server/answer.h"
#include "server/limits.h"
#include "server/store.h"

/* Reports that are ready for the store; it owns them all. */
struct parcel {
	struct store_item *items;
	size_t n, cap;
	size_t bytes;	  /* memory of all of it */
	uint64_t dropped; /* functions and stacks over the limits */
};

/* By Content-Type: 0 and whether it is JSON, or -EINVAL. NULL is MessagePack. */
int body_type(const char *content_type, bool *ret_json);

/*
 * Reads `size` bytes. 0 and a parcel, or -EINVAL and an answer that says what is wrong: 400 for
 * what is no report, 413 for what is over a limit, 422 for a report that can't be stored. `hold` is
 * asked before memory for unpacking is taken, and said what is given back: 503 where it says no.
 */
struct body_memory {
	bool (*hold)(void *ctx, uint64_t bytes);
	void (*let_go)(void *ctx, uint64_t bytes);
	void *ctx;
};
int body_read(const struct limits *limits, const struct body_memory *memory, bool json,
	      const uint8_t *data, size_t size, struct parcel *ret, struct answer *answer);
void parcel_release(struct parcel *p);

/* The same for one batch of heartbeats, which heartbeats_release() frees; ret_bytes is about what
 * it takes in memory. */
int body_read_beats(const struct limits *limits, const struct body_memory *memory, bool json,
		    const uint8_t *data, size_t size, struct heartbeats *ret, size_t *ret_bytes,
		    struct answer *answer);

#endif
