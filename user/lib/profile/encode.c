// SPDX-License-Identifier: BSD-2-Clause
/* Writing a report or another document: the descriptors are walked once, msgpack-c packs, zlib
 * compresses as it goes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack/pack.h>
#include <zlib.h>

#include "user/lib/profile/codec.h"
#include "user/lib/profile/wire.h"

#define ENCODE_LEVEL 6
#define ENCODE_BUFFER_BYTES 65536
#define GZIP_WINDOW (15 + 16)
#define ZLIB_MEMORY 9

struct encoder {
	msgpack_packer pack;
	z_stream zip;
	int (*write)(void *ctx, const void *data, size_t size);
	void *ctx;
	int status;
	size_t n;
	uint8_t in[ENCODE_BUFFER_BYTES], out[ENCODE_BUFFER_BYTES];
};

/* Compresses what is in the buffer and hands on what comes out. */
static int encoder_drain(struct encoder *e, int flush)
{
	e->zip.next_in = e->in;
	e->zip.avail_in = e->n;
	e->n = 0;
	do {
		e->zip.next_out = e->out;
		e->zip.avail_out = sizeof(e->out);
		deflate(&e->zip, flush);
		if (!e->status && e->zip.avail_out < sizeof(e->out))
			e->status = e->write(e->ctx, e->out, sizeof(e->out) - e->zip.avail_out);
	} while (!e->status && !e->zip.avail_out);
	return e->status;
}

/* msgpack-c's way out. */
static int encoder_append(void *data, const char *bytes, size_t size)
{
	struct encoder *e = data;

	while (size && !e->status) {
		size_t room = sizeof(e->in) - e->n;
		size_t part = size < room ? size : room;

		memcpy(e->in + e->n, bytes, part);
		e->n += part;
		bytes += part;
		size -= part;
		if (e->n == sizeof(e->in))
			encoder_drain(e, Z_NO_FLUSH);
	}
	return e->status;
}

static void pack_text(msgpack_packer *p, const char *text)
{
	size_t len = strlen(text);

	msgpack_pack_str(p, len);
	msgpack_pack_str_body(p, text, len);
}

static void pack_counts(msgpack_packer *p, const struct report_counts *c)
{
	msgpack_pack_map(p, c->n);
	for (size_t i = 0; i < c->n; i++) {
		pack_text(p, c->name[i]);
		msgpack_pack_uint64(p, c->count[i]);
	}
}

static void pack_strings(msgpack_packer *p, const struct report_strings *s)
{
	msgpack_pack_array(p, s->n);
	for (size_t i = 0; i < s->n; i++)
		pack_text(p, s->text[i]);
}

static void pack_map(msgpack_packer *p, const struct wire_type *type, const void *object);

/* One value, of a field or in a column: `at` points to it. */
static void pack_value(msgpack_packer *p, const struct wire_field *f, const void *at)
{
	switch (f->kind) {
	case WIRE_U32:
	case WIRE_REF:
		msgpack_pack_uint32(p, *(const uint32_t *)at);
		break;
	case WIRE_I32:
		msgpack_pack_int32(p, *(const int32_t *)at);
		break;
	case WIRE_U64:
		msgpack_pack_uint64(p, *(const uint64_t *)at);
		break;
	case WIRE_I64:
		msgpack_pack_int64(p, *(const int64_t *)at);
		break;
	case WIRE_F64:
		msgpack_pack_double(p, *(const double *)at);
		break;
	case WIRE_BOOL:
		(*(const bool *)at ? msgpack_pack_true : msgpack_pack_false)(p);
		break;
	case WIRE_STR:
		pack_text(p, *(char *const *)at);
		break;
	case WIRE_ID:
		msgpack_pack_bin(p, REPORT_ID_BYTES);
		msgpack_pack_bin_body(p, at, REPORT_ID_BYTES);
		break;
	case WIRE_COUNTS:
		pack_counts(p, at);
		break;
	case WIRE_STRINGS:
		pack_strings(p, at);
		break;
	case WIRE_NEST:
		pack_map(p, f->type, at);
		break;
	}
}

static void pack_column(msgpack_packer *p, const struct wire_field *f, const void *table)
{
	const char *column = wire_column(table, f);
	size_t rows = wire_rows(table), bytes = wire_kind_bytes(f->kind);

	msgpack_pack_array(p, rows);
	for (size_t i = 0; i < rows; i++)
		pack_value(p, f, column + i * bytes);
}

/* A map or a table: its set fields, then those that a newer version wrote. */
static void pack_map(msgpack_packer *p, const struct wire_type *type, const void *object)
{
	const struct report_unknown *u = (const void *)((const char *)object + type->unknown);
	size_t n = u->n;

	for (size_t i = 0; i < type->n_fields; i++)
		n += type->table || wire_is_written(&type->fields[i], object);
	msgpack_pack_map(p, n);
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];

		if (!type->table && !wire_is_written(f, object))
			continue;
		pack_text(p, f->name);
		if (type->table)
			pack_column(p, f, object);
		else
			pack_value(p, f, wire_at(object, f));
	}
	for (size_t i = 0; i < u->n; i++) {
		pack_text(p, u->name[i]);
		p->callback(p->data, u->data[i], u->size[i]);
	}
}

int wire_encode(const struct wire_type *type, const void *object,
		int (*write)(void *ctx, const void *data, size_t size), void *ctx)
{
	struct encoder *e = calloc(1, sizeof(*e));
	int status;

	if (!e)
		return -ENOMEM;
	e->write = write;
	e->ctx = ctx;
	if (deflateInit2(&e->zip, ENCODE_LEVEL, Z_DEFLATED, GZIP_WINDOW, ZLIB_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK) {
		free(e);
		return -ENOMEM;
	}
	msgpack_packer_init(&e->pack, e, encoder_append);
	pack_map(&e->pack, type, object);
	if (!e->status)
		encoder_drain(e, Z_FINISH);
	deflateEnd(&e->zip);
	status = e->status;
	free(e);
	return status;
}

int report_encode(const struct report *r, int (*write)(void *ctx, const void *data, size_t size),
		  void *ctx)
{
	return wire_encode(&wire_report, r, write, ctx);
}

struct plain {
	int (*write)(void *ctx, const void *data, size_t size);
	void *ctx;
	int status;
};

static int plain_append(void *data, const char *bytes, size_t size)
{
	struct plain *p = data;

	if (!p->status)
		p->status = p->write(p->ctx, bytes, size);
	return p->status;
}

int wire_pack(const struct wire_type *type, const void *object,
	      int (*write)(void *ctx, const void *data, size_t size), void *ctx)
{
	struct plain plain = {.write = write, .ctx = ctx};
	msgpack_packer pack;

	msgpack_packer_init(&pack, &plain, plain_append);
	pack_map(&pack, type, object);
	return plain.status;
}
