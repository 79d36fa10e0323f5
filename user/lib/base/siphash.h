/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of 64 bits. Who doesn't know the key can
 * neither find two inputs of one hash nor tell what the hash of an input is.
 */
#ifndef BD_SIPHASH_H
#define BD_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_BYTES 16

struct siphash {
	uint64_t v[4];
	uint64_t bytes; /* so far */
	uint64_t tail;	/* those that don't fill a word yet */
};

void siphash_init(struct siphash *s, const uint8_t key[SIPHASH_KEY_BYTES]);
void siphash_add(struct siphash *s, const void *data, size_t bytes);
uint64_t siphash_result(struct siphash *s);

#endif
