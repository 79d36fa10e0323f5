/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMAC-SHA-256 (RFC 2104, FIPS 180-4), by nettle: small, without a state of its own, and in every
 * distribution also as a static library. (OpenSSL comes with libcurl, but not to the static binary;
 * the kernel's AF_ALG isn't on every kernel.)
 */
#ifndef BD_HMAC_H
#define BD_HMAC_H

#include <stddef.h>
#include <stdint.h>

#define HMAC_BYTES 32

void hmac_sha256(const void *key, size_t key_bytes, const void *data, size_t bytes,
		 uint8_t ret[HMAC_BYTES]);

#endif
