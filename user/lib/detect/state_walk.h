/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was learned, as bytes: magic, version, length, CRC-32 of the rest, and then every field in
 * order, little-endian. One walk over the fields does both ways, so that they can't drift apart;
 * without `bytes` it only counts. A value that was never saved is `bad`, and is not taken.
 */
#ifndef BD_STATE_WALK_H
#define BD_STATE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/detect/gauge.h"

#define STATE_HEAD_BYTES 16

struct state_walk {
	uint8_t *bytes;
	size_t at;
	bool load, bad;
};

void state_u32(struct state_walk *w, uint32_t *value, uint32_t max);
void state_u16(struct state_walk *w, uint16_t *value);
void state_u8(struct state_walk *w, uint8_t *value);
/* A time, or an index made from one: near enough to the epoch to be added to, or INT64_MIN. */
void state_time(struct state_walk *w, int64_t *value);
void state_float(struct state_walk *w, float *value);
void state_double(struct state_walk *w, double *value);
void state_gauge(struct state_walk *w, struct gauge *g);

/* Writes the head of SIZE bytes whose fields are written. */
void state_seal(void *buffer, size_t size, uint32_t magic, uint32_t version);
/* Begins to load. -EBADMSG if the bytes are damaged, -EPROTO if another version wrote them. */
int state_open(struct state_walk *w, const void *buffer, size_t size, uint32_t magic,
	       uint32_t version);

#endif
