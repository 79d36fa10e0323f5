// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/profile/heartbeat.h"

#include <errno.h>
#include <string.h>

#include "user/lib/profile/intern.h"
#include "user/lib/profile/json.h"
#include "user/lib/base/siphash.h"

#define WIRE_ROOT heartbeats
#define WIRE_DEF "heartbeat.def"
#define WIRE_SCHEMA HEARTBEATS_SCHEMA
#define WIRE_WHAT "heartbeat batch"
#include "user/lib/profile/wire_describe.h"

const struct report_limits heartbeats_limits_default = {
	.unpacked_bytes = 16u << 20,
	.memory_bytes = 32u << 20,
	.rows = 1u << 20,
	.string_bytes = 4096,
	.counts = 64,
	.unknown_fields = 64,
	.unknown_bytes = 1u << 20,
	.depth = CODEC_DEPTH_MAX,
};

int heartbeats_init(struct heartbeats *h)
{
	return wire_init(&wire_root_heartbeats, h);
}

void heartbeats_release(struct heartbeats *h)
{
	wire_release(&wire_heartbeats, h);
}

int64_t heartbeats_intern(struct heartbeats *h, const char *text)
{
	return intern_text(&h->strings, text ? text : "", text ? strlen(text) : 0);
}

const char *heartbeats_text(const struct heartbeats *h, uint32_t ref)
{
	return ref < h->strings.n ? h->strings.text[ref] : "";
}

int heartbeats_encode(const struct heartbeats *h,
		      int (*write)(void *ctx, const void *data, size_t size), void *ctx)
{
	return wire_encode(&wire_heartbeats, h, write, ctx);
}

static int decode(int fd, const void *data, size_t size, const struct report_limits *limits,
		  struct heartbeats *ret, char *error)
{
	return wire_decode(&wire_root_heartbeats, fd, data, size,
			   limits ? limits : &heartbeats_limits_default, ret, error,
			   CODEC_ERROR_BYTES);
}

int heartbeats_decode(const void *data, size_t size, const struct report_limits *limits,
		      struct heartbeats *ret, char error[CODEC_ERROR_BYTES])
{
	return decode(-1, data, size, limits, ret, error);
}

int heartbeats_decode_fd(int fd, const struct report_limits *limits, struct heartbeats *ret,
			 char error[CODEC_ERROR_BYTES])
{
	return decode(fd, NULL, 0, limits, ret, error);
}

void heartbeats_json(const struct heartbeats *h, struct out *out)
{
	json_document(&wire_heartbeats, h, out);
}

/* Row numbers of the table behind this column begin at this one in the batch that grows. */
static uint32_t row_shift(const struct heartbeats *to, const void *table,
			  const struct wire_field *f)
{
	const struct wire_root *root = &wire_root_heartbeats;
	size_t offset = (const char *)wire_at(table, f) - (const char *)to, rows;

	for (size_t i = 0; i < root->n_indexes; i++) {
		if (root->indexes[i].data != offset)
			continue;
		memcpy(&rows, (const char *)to + root->indexes[i].target_rows, sizeof(rows));
		return rows;
	}
	return 0;
}

static int append_rows(struct heartbeats *to, const struct heartbeats *from,
		       const struct wire_type *type, void *table, const void *more)
{
	size_t n = wire_rows(table), rows = wire_rows(more);
	int err = wire_reserve(type, table, n + rows);

	for (size_t i = 0; !err && i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];
		size_t bytes = wire_kind_bytes(f->kind);
		char *column = (char *)wire_column(table, f) + n * bytes;
		uint32_t shift = row_shift(to, table, f), *number = (uint32_t *)column;

		if (rows)
			memcpy(column, wire_column(more, f), rows * bytes);
		for (size_t row = 0; f->kind == WIRE_REF && row < rows; row++) {
			int64_t ref = heartbeats_intern(to, heartbeats_text(from, number[row]));

			if (ref < 0)
				return ref;
			number[row] = ref;
		}
		for (size_t row = 0; shift && row < rows; row++)
			number[row] += shift;
	}
	if (!err)
		*(size_t *)table = n + rows;
	return err;
}

static int copy_facts(struct heartbeats *to, const struct heartbeats *from)
{
	const struct wire_type *type = &wire_heartbeats_facts;
	struct heartbeats only = {.facts = from->facts}, copy;
	char error[CODEC_ERROR_BYTES];
	struct out packed;

	only.schema = from->schema;
	out_init(&packed, -1);
	int err = wire_pack(&wire_heartbeats, &only, out_callback, &packed);

	if (!err)
		err = heartbeats_decode(packed.data, packed.n, NULL, &copy, error);
	out_release(&packed);
	if (err)
		return -ENOMEM;
	wire_release(type, &to->facts);
	to->facts = copy.facts;
	copy.facts = (struct heartbeats_facts){0};
	heartbeats_release(&copy);
	return 0;
}

int heartbeats_append(struct heartbeats *to, const struct heartbeats *from)
{
	const struct wire_type *type = &wire_heartbeats;
	int err = 0;

	memcpy(to->host, from->host, sizeof(to->host));
	memcpy(to->facts_hash, from->facts_hash, sizeof(to->facts_hash));
	/* The last table first: row numbers refer to tables before, which must not have grown yet. */
	for (size_t i = type->n_fields; i-- > 0 && !err;) {
		const struct wire_field *f = &type->fields[i];

		if (f->kind == WIRE_NEST && f->type->table)
			err = append_rows(to, from, f->type, wire_at(to, f), wire_at(from, f));
	}
	if (!err && wire_is_set(&wire_heartbeats_facts, &from->facts))
		err = copy_facts(to, from);
	return err ? -ENOMEM : 0;
}

/* A keyed hash with keys that everybody knows: it has to tell changes, not to keep a secret. */
static void hash_half(const struct out *packed, uint8_t key_byte, uint8_t *ret)
{
	uint8_t key[SIPHASH_KEY_BYTES];
	struct siphash hash;
	uint64_t value;

	memset(key, key_byte, sizeof(key));
	siphash_init(&hash, key);
	siphash_add(&hash, packed->data, packed->n);
	value = siphash_result(&hash);
	memcpy(ret, &value, sizeof(value));
}

int heartbeats_facts_hash(const struct heartbeats_facts *facts, uint8_t ret[REPORT_ID_BYTES])
{
	struct out packed;

	out_init(&packed, -1);
	int err = wire_pack(&wire_heartbeats_facts, facts, out_callback, &packed);

	if (!err) {
		hash_half(&packed, 1, ret);
		hash_half(&packed, 2, ret + REPORT_ID_BYTES / 2);
		ret[0] |= 1;
	}
	out_release(&packed);
	return err;
}
