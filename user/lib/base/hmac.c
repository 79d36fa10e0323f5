// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/base/hmac.h"

#include <nettle/hmac.h>
#include <string.h>

void hmac_sha256(const void *key, size_t key_bytes, const void *data, size_t bytes,
		 uint8_t ret[HMAC_BYTES])
{
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, key_bytes, key);
	hmac_sha256_update(&ctx, bytes, data);
	hmac_sha256_digest(&ctx, HMAC_BYTES, ret);
	explicit_bzero(&ctx, sizeof(ctx));
}
