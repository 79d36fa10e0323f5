/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads DWARF's numbers from bytes that nobody vouches for. Past the end everything is 0 and `bad`
 * is set, so that a parser checks once, at the end of what belongs together.
 */
#ifndef BD_DWARF_READ_H
#define BD_DWARF_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct dwarf_reader {
	const uint8_t *at, *end;
	bool bad;
};

static inline size_t dwarf_left(const struct dwarf_reader *r)
{
	return r->end - r->at;
}

static inline const uint8_t *dwarf_skip(struct dwarf_reader *r, uint64_t bytes)
{
	const uint8_t *p = r->at;

	if (bytes > dwarf_left(r)) {
		r->bad = true;
		r->at = r->end;
		return NULL;
	}
	r->at += bytes;
	return p;
}

/* Little-endian, `bytes` at most 8. */
static inline uint64_t dwarf_fixed(struct dwarf_reader *r, unsigned int bytes)
{
	const uint8_t *p = dwarf_skip(r, bytes);
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, bytes);
	return v;
}

static inline uint8_t dwarf_u8(struct dwarf_reader *r)
{
	if (r->at == r->end) {
		r->bad = true;
		return 0;
	}
	return *r->at++;
}

/* Bits above the 64th are dropped; the bytes of an overlong number are consumed. */
static inline uint64_t dwarf_uleb(struct dwarf_reader *r)
{
	unsigned int shift = 0;
	uint64_t v = 0;
	uint8_t b;

	do {
		b = dwarf_u8(r);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
	} while ((b & 0x80) && !r->bad);
	return v;
}

static inline int64_t dwarf_sleb(struct dwarf_reader *r)
{
	unsigned int shift = 0;
	uint64_t v = 0;
	uint8_t b;

	do {
		b = dwarf_u8(r);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
	} while ((b & 0x80) && !r->bad);
	if (shift < 64 && (b & 0x40))
		v |= ~0ULL << shift;
	return (int64_t)v;
}

#endif
