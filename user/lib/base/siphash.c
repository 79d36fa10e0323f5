// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/base/siphash.h"

#include <string.h>

static inline uint64_t rotate(uint64_t v, unsigned int n)
{
	return v << n | v >> (64 - n);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

void siphash_init(struct siphash *s, const uint8_t key[SIPHASH_KEY_BYTES])
{
	uint64_t k[2];

	memcpy(k, key, sizeof(k));
	*s = (struct siphash){.v = {k[0] ^ 0x736f6d6570736575ULL, k[1] ^ 0x646f72616e646f6dULL,
				    k[0] ^ 0x6c7967656e657261ULL, k[1] ^ 0x7465646279746573ULL}};
}

static void sip_byte(struct siphash *s, uint8_t byte)
{
	s->tail |= (uint64_t)byte << s->bytes % 8 * 8;
	if (++s->bytes % 8 == 0) {
		sip_word(s->v, s->tail);
		s->tail = 0;
	}
}

void siphash_add(struct siphash *s, const void *data, size_t bytes)
{
	const uint8_t *p = data, *end = p + bytes;
	uint64_t v[4], word;

	while (p < end && s->bytes % 8)
		sip_byte(s, *p++);
	memcpy(v, s->v, sizeof(v));
	for (; end - p >= 8; p += 8) {
		memcpy(&word, p, sizeof(word));
		sip_word(v, word);
		s->bytes += 8;
	}
	memcpy(s->v, v, sizeof(v));
	while (p < end)
		sip_byte(s, *p++);
}

uint64_t siphash_result(struct siphash *s)
{
	sip_word(s->v, s->tail | s->bytes << 56);
	s->v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(s->v);
	return s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}
