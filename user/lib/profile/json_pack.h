/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON to MessagePack, in one pass and without a tree: a report that came as JSON is then read by
 * the one decoder that there is. Where the descriptors know a field as an ID its hex digits become
 * bytes, and null a NaN where a number with a fraction belongs; all else is packed as it stands.
 */
#ifndef BD_JSON_PACK_H
#define BD_JSON_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "user/lib/base/out.h"

#define JSON_PACK_DEPTH_MAX 32

struct wire_type;

/*
 * Packs a JSON object of `type`, or an array of such. `out`, in memory, holds the result: at most
 * `limit` bytes. 0, -EINVAL (not JSON) or -EFBIG and where, in bytes, in ret_at; -ENOMEM.
 */
int json_pack(const char *text, size_t len, const struct wire_type *type, size_t limit,
	      struct out *out, size_t *ret_at);

#endif
