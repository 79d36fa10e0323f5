// SPDX-License-Identifier: BSD-2-Clause
/* Reading a report or another document: a cursor over the input, driven by the descriptors, then one check of all row
 * numbers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/profile/codec.h"
#include "user/lib/profile/intern.h"
#include "user/lib/profile/unpack.h"
#include "user/lib/base/utf8.h"
#include "user/lib/profile/wire.h"

/* What a text costs beside its bytes: its pointer, and what malloc adds. */
#define TEXT_OVERHEAD_BYTES 32

const struct report_limits report_limits_default = {
	.unpacked_bytes = 256u << 20,
	.memory_bytes = 512u << 20,
	.rows = 16u << 20,
	.string_bytes = CODEC_STRING_BYTES_MAX,
	.counts = 4096,
	.unknown_fields = 64,
	.unknown_bytes = 4u << 20,
	.depth = CODEC_DEPTH_MAX,
};

struct decoder {
	struct unpack in;
	struct report_limits limits;
	const struct wire_root *root;
	void *document;
	uint64_t memory, unknown;
};

static int decode_memory(struct decoder *d, uint64_t bytes)
{
	d->memory += bytes;
	if (d->memory > d->limits.memory_bytes)
		return unpack_fail(&d->in, -EFBIG, "needs over %llu MB of memory, the limit",
				   (unsigned long long)d->limits.memory_bytes >> 20);
	return 0;
}

static int decode_kind(struct decoder *d, const struct wire_type *type, const struct wire_field *f)
{
	return unpack_fail(&d->in, -EINVAL, "not a backdraft %s: %s.%s is not of kind %s",
			   d->root->what, type->name, f->name, wire_kind_name(f->kind));
}

/* The bytes of a text whose header was `t`; NULL and an error where it is too long. */
static const char *decode_text(struct decoder *d, const struct unpack_token *t, const char *what)
{
	if (t->type != UNPACK_STR) {
		unpack_fail(&d->in, -EINVAL, "not a backdraft %s: %s holds no text",
			    d->root->what, what);
		return NULL;
	}
	if (t->u > d->limits.string_bytes) {
		unpack_fail(&d->in, -EFBIG, "%s: a text of %llu bytes, the limit is %u", what,
			    (unsigned long long)t->u, d->limits.string_bytes);
		return NULL;
	}
	if (decode_memory(d, t->u + TEXT_OVERHEAD_BYTES))
		return NULL;
	return (const char *)unpack_bytes(&d->in, t->u);
}

/* A copy of a text, clean and terminated; the caller frees it. NULL and an error. */
static char *decode_copy(struct decoder *d, const struct unpack_token *t, const char *what)
{
	const char *text = decode_text(d, t, what);
	char *copy = text ? malloc(t->u * UTF8_GROWTH + 1) : NULL;

	if (copy)
		utf8_clean(text, t->u, copy);
	else
		unpack_fail(&d->in, -ENOMEM, "out of memory");
	return copy;
}

static int decode_strings(struct decoder *d, uint64_t n)
{
	struct report_strings *s = wire_strings(d->root, d->document);
	struct unpack_token t;

	if (n > d->limits.rows)
		return unpack_fail(&d->in, -EFBIG, "strings has %llu entries, the limit is %u",
				   (unsigned long long)n, d->limits.rows);
	for (uint64_t i = 0; i < n; i++) {
		const char *text;

		if (unpack_next(&d->in, &t))
			return d->in.status;
		text = decode_text(d, &t, "strings");
		if (!text)
			return d->in.status;
		if (intern_append(s, text, t.u) < 0)
			return unpack_fail(&d->in, -ENOMEM, "out of memory");
	}
	if (n && s->text[0][0])
		return unpack_fail(&d->in, -EINVAL,
				   "not a backdraft %s: strings[0] is not empty", d->root->what);
	return 0;
}

static int decode_counts(struct decoder *d, const struct wire_field *f, uint64_t n,
			 struct report_counts *c)
{
	struct unpack_token t;

	if (n > d->limits.counts)
		return unpack_fail(&d->in, -EFBIG, "%s has %llu names, the limit is %u", f->name,
				   (unsigned long long)n, d->limits.counts);
	for (uint64_t i = 0; i < n; i++) {
		char *name;
		int status = 0;

		if (unpack_next(&d->in, &t))
			return d->in.status;
		name = decode_copy(d, &t, f->name);
		if (!name)
			return d->in.status;
		if (!unpack_next(&d->in, &t) && t.type == UNPACK_UINT)
			status = report_count(c, name, t.u);
		else
			unpack_fail(&d->in, -EINVAL, "not a backdraft %s: %s holds no counts",
				    d->root->what, f->name);
		free(name);
		if (status)
			unpack_fail(&d->in, -ENOMEM, "out of memory");
		if (d->in.status)
			return d->in.status;
	}
	return 0;
}

/* A number of any kind; false where the token is none or does not fit. */
static bool decode_number(const struct unpack_token *t, enum wire_kind kind, void *at)
{
	bool is_uint = t->type == UNPACK_UINT;
	bool is_int = t->type == UNPACK_INT || (is_uint && t->u <= INT64_MAX);
	int64_t i = is_uint ? (int64_t)t->u : t->i;

	if (kind == WIRE_U32 || kind == WIRE_REF)
		return is_uint && t->u <= UINT32_MAX && (*(uint32_t *)at = t->u, true);
	if (kind == WIRE_I32)
		return is_int && i >= INT32_MIN && i <= INT32_MAX && (*(int32_t *)at = i, true);
	if (kind == WIRE_U64)
		return is_uint && (*(uint64_t *)at = t->u, true);
	if (kind == WIRE_I64)
		return is_int && (*(int64_t *)at = i, true);
	if (kind == WIRE_BOOL)
		return t->type == UNPACK_BOOL && (*(bool *)at = t->u, true);
	if (kind != WIRE_F64)
		return false;
	*(double *)at = t->type == UNPACK_FLOAT ? t->f : is_uint ? (double)t->u : (double)t->i;
	return is_uint || is_int || t->type == UNPACK_FLOAT;
}

/* Rows come before their count is believed: memory grows with what has arrived. */
static int decode_rows(struct decoder *d, const struct wire_type *type, void *table, size_t rows)
{
	size_t before = ((size_t *)table)[1], row_bytes = 0;

	if (rows <= before)
		return 0;
	for (size_t i = 0; i < type->n_fields; i++)
		row_bytes += wire_kind_bytes(type->fields[i].kind);
	if (decode_memory(d, (rows > 2 * before ? rows : 2 * before) * row_bytes))
		return d->in.status;
	if (wire_reserve(type, table, rows))
		return unpack_fail(&d->in, -ENOMEM, "out of memory");
	return 0;
}

/* Kinds that hold a number up to INT32_MAX as it is. */
static bool is_plain(enum wire_kind kind)
{
	return kind == WIRE_U32 || kind == WIRE_REF || kind == WIRE_I32 || kind == WIRE_U64 ||
	       kind == WIRE_I64;
}

static inline void put_plain(char *at, size_t bytes, uint64_t value)
{
	if (bytes == sizeof(uint32_t))
		*(uint32_t *)at = value;
	else
		*(uint64_t *)at = value;
}

static int decode_column(struct decoder *d, const struct wire_type *type,
			 const struct wire_field *f, void *table, uint64_t n)
{
	size_t bytes = wire_kind_bytes(f->kind), cap = 0;
	bool plain = is_plain(f->kind);
	struct unpack_token t;
	char *column = NULL;

	if (n > d->limits.rows)
		return unpack_fail(&d->in, -EFBIG, "%s.%s has %llu rows, the limit is %u",
				   type->name, f->name, (unsigned long long)n, d->limits.rows);
	for (uint64_t i = 0, small; i < n; i++) {
		if (i >= cap) {
			if (decode_rows(d, type, table, i + 1))
				return d->in.status;
			cap = ((size_t *)table)[1];
			column = wire_column(table, f);
		}
		if (plain && unpack_small(&d->in, &small)) {
			if (small <= INT32_MAX) {
				put_plain(column + i * bytes, bytes, small);
				continue;
			}
			t = (struct unpack_token){.type = UNPACK_UINT, .u = small};
		} else if (unpack_next(&d->in, &t)) {
			return d->in.status;
		}
		if (!decode_number(&t, f->kind, column + i * bytes))
			return unpack_fail(&d->in, -EINVAL,
					   "not a backdraft %s: %s.%s[%llu] is not a %s",
					   d->root->what, type->name, f->name, (unsigned long long)i,
					   wire_kind_name(f->kind));
	}
	return 0;
}

static int decode_unknown(struct decoder *d, struct report_unknown *u, const char *name)
{
	size_t size, limit = d->limits.unknown_bytes - d->unknown;
	uint8_t *raw;
	int status;

	if (u->n >= d->limits.unknown_fields)
		return unpack_fail(&d->in, -EFBIG, "over %u unknown fields in a map, the limit",
				   d->limits.unknown_fields);
	if (unpack_raw(&d->in, d->limits.depth, limit, &raw, &size))
		return d->in.status;
	d->unknown += size;
	status = wire_keep_unknown(u, name, strlen(name), raw, size);
	free(raw);
	return status ? unpack_fail(&d->in, -ENOMEM, "out of memory") : 0;
}

static int decode_object(struct decoder *d, const struct wire_type *type, void *object, uint64_t n);

/* The value of a field of a map, or a whole column, whose header was `t`. */
static int decode_field(struct decoder *d, const struct wire_type *type, const struct wire_field *f,
			void *object, const struct unpack_token *t)
{
	void *at = wire_at(object, f);

	if (type->table)
		return t->type == UNPACK_ARRAY ? decode_column(d, type, f, object, t->u)
					       : decode_kind(d, type, f);
	if (f->kind == WIRE_NEST && t->type == UNPACK_MAP)
		return decode_object(d, f->type, at, t->u);
	if (f->kind == WIRE_COUNTS && t->type == UNPACK_MAP)
		return decode_counts(d, f, t->u, at);
	if (f->kind == WIRE_STRINGS && t->type == UNPACK_ARRAY)
		return decode_strings(d, t->u);
	if (f->kind == WIRE_STR && t->type == UNPACK_STR) {
		*(char **)at = decode_copy(d, t, f->name);
		return d->in.status;
	}
	if (f->kind == WIRE_ID && t->type == UNPACK_BIN && t->u == REPORT_ID_BYTES) {
		const uint8_t *id = unpack_bytes(&d->in, REPORT_ID_BYTES);

		if (id)
			memcpy(at, id, REPORT_ID_BYTES);
		return d->in.status;
	}
	return decode_number(t, f->kind, at) ? 0 : decode_kind(d, type, f);
}

/* Columns of one table have one length; those that are absent are zeroes, or -1 where that means
 * none. */
static int decode_table_end(struct decoder *d, const struct wire_type *type, void *table,
			    const int64_t *lengths)
{
	const struct wire_field *first = NULL;
	int64_t rows = 0;

	for (size_t i = 0; i < type->n_fields; i++) {
		if (lengths[i] < 0)
			continue;
		if (first && lengths[i] != rows)
			return unpack_fail(
				&d->in, -EINVAL,
				"not a backdraft %s: %s.%s has %lld rows, %s.%s has %lld",
				d->root->what, type->name, first->name, (long long)rows, type->name,
				type->fields[i].name, (long long)lengths[i]);
		first = first ? first : &type->fields[i];
		rows = lengths[i];
	}
	*(size_t *)table = rows;
	for (size_t i = 0; i < type->n_fields; i++) {
		size_t offset = (char *)wire_at(table, &type->fields[i]) - (char *)d->document;

		for (size_t k = 0; lengths[i] < 0 && rows && k < d->root->n_indexes; k++)
			if (d->root->indexes[k].none && d->root->indexes[k].data == offset)
				memset(wire_column(table, &type->fields[i]), 0xff, rows * 4);
	}
	return 0;
}

/* A map or a table of `n` fields. */
static int decode_object(struct decoder *d, const struct wire_type *type, void *object, uint64_t n)
{
	int64_t lengths[64];
	uint64_t seen = 0;

	_Static_assert(sizeof(seen) * 8 == sizeof(lengths) / sizeof(lengths[0]), "fields in a map");
	memset(lengths, 0xff, sizeof(lengths));
	for (uint64_t i = 0; i < n && !d->in.status; i++) {
		const struct wire_field *f;
		struct unpack_token t;
		char *name;

		if (unpack_next(&d->in, &t))
			break;
		name = decode_copy(d, &t, type->name);
		if (!name)
			break;
		f = wire_find(type, name, strlen(name));
		if (!f)
			decode_unknown(d, (void *)((char *)object + type->unknown), name);
		free(name);
		if (!f || unpack_next(&d->in, &t) || t.type == UNPACK_NIL)
			continue;
		if (seen >> (f - type->fields) & 1) {
			unpack_fail(&d->in, -EINVAL, "not a backdraft %s: %s.%s is there twice",
				    d->root->what, type->name, f->name);
			break;
		}
		seen |= 1ull << (f - type->fields);
		lengths[f - type->fields] = t.u;
		decode_field(d, type, f, object, &t);
	}
	if (d->in.status)
		return d->in.status;
	if (type->present)
		*((bool *)object + type->present) = true;
	return type->table ? decode_table_end(d, type, object, lengths) : 0;
}

static int decode_document(struct decoder *d)
{
	struct report_strings *strings = wire_strings(d->root, d->document);
	char **schema = (char **)((char *)d->document + d->root->schema_at);
	struct unpack_token t;

	if (unpack_next(&d->in, &t))
		return d->in.status;
	if (t.type != UNPACK_MAP)
		return unpack_fail(&d->in, -EINVAL, "not a backdraft %s: it holds no map",
				   d->root->what);
	if (decode_object(d, d->root->type, d->document, t.u) || unpack_end(&d->in))
		return d->in.status;
	if (!*schema || strcmp(*schema, d->root->schema))
		return unpack_fail(&d->in, -EINVAL,
				   "not a backdraft %s that this version reads: its schema is not "
				   "%s",
				   d->root->what, d->root->schema);
	if (!strings->n && intern_append(strings, "", 0) < 0)
		return unpack_fail(&d->in, -ENOMEM, "out of memory");
	return wire_check(d->root, d->document, d->in.error, d->in.error_bytes);
}

int wire_decode(const struct wire_root *root, int fd, const void *data, size_t size,
		const struct report_limits *limits, void *ret, char *error, size_t error_bytes)
{
	struct decoder *d = malloc(sizeof(*d));
	void *document = calloc(1, root->type->size);
	int status;

	if (!d || !document) {
		snprintf(error, error_bytes, "out of memory");
		free(document);
		free(d);
		return -ENOMEM;
	}
	d->limits = limits ? *limits : report_limits_default;
	if (d->limits.depth > CODEC_DEPTH_MAX)
		d->limits.depth = CODEC_DEPTH_MAX;
	if (d->limits.string_bytes > CODEC_STRING_BYTES_MAX)
		d->limits.string_bytes = CODEC_STRING_BYTES_MAX;
	d->root = root;
	d->document = document;
	d->memory = d->unknown = 0;
	unpack_init(&d->in, fd, data, size, d->limits.unpacked_bytes, error, error_bytes);
	status = decode_document(d);
	unpack_release(&d->in);
	free(d);
	if (status)
		wire_release(root->type, document);
	else
		memcpy(ret, document, root->type->size);
	free(document);
	return status;
}

int report_decode_fd(int fd, const struct report_limits *limits, struct report *ret,
		     char error[CODEC_ERROR_BYTES])
{
	return wire_decode(&wire_root_report, fd, NULL, 0, limits, ret, error, CODEC_ERROR_BYTES);
}

int report_decode(const void *data, size_t size, const struct report_limits *limits,
		  struct report *ret, char error[CODEC_ERROR_BYTES])
{
	return wire_decode(&wire_root_report, -1, data, size, limits, ret, error,
			   CODEC_ERROR_BYTES);
}
