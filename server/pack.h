/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes in and out of gzip, in memory, with limits; and where the values of MessagePack end. */
#ifndef BD_SERVER_PACK_H
#define BD_SERVER_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/base/out.h"

bool pack_is_gzip(const uint8_t *data, size_t size);
/*
 * Unpacks into `out`, which is empty and in memory. 0, -EFBIG (over `limit`), -EINVAL (not gzip,
 * damaged, more behind it, or not of the size that it says), -ENOMEM, -EAGAIN where `hold` refused
 * the memory. No more is unpacked than it says, and nothing where that is too much.
 */
int pack_inflate(const uint8_t *data, size_t size, size_t limit, bool (*hold)(void *, uint64_t),
		 void *ctx, struct out *out);
int pack_deflate(const uint8_t *data, size_t size, struct out *out);
/* Bytes of the value that begins here, whatever it holds; 0 where it is none or not whole. */
size_t pack_value_size(const uint8_t *data, size_t size);
/* Bytes of the header of an array and its count; 0 where it is none. */
size_t pack_array(const uint8_t *data, size_t size, uint64_t *ret_n);

#endif
