// SPDX-License-Identifier: BSD-2-Clause
/* Driven by wire.h: a field that is added to wire.def reaches the page by itself. */
#include "user/lib/view/html_data.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/view/html_stream.h"
#include "user/lib/profile/report.h"
#include "user/lib/profile/wire.h"

/* The largest integer below which a double, all that JavaScript has, is exact. */
#define EXACT (UINT64_C(1) << 53)

/* Codings are chosen while the head is written, and wait here for the columns themselves. */
struct page_writer {
	struct html_stream s;
	size_t n_codings;
	char codings[256];
};

__attribute__((format(printf, 2, 3))) static void put_format(struct html_stream *s,
							     const char *format, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	html_stream_put(s, text, strlen(text));
}

static void put_text(struct html_stream *s, const char *text)
{
	html_stream_byte(s, '"');
	for (const char *p = text ? text : ""; *p; p++) {
		if (*p == '"' || *p == '\\') {
			html_stream_byte(s, '\\');
			html_stream_byte(s, *p);
		} else if ((unsigned char)*p < 0x20) {
			put_format(s, "\\u%04x", *p);
		} else {
			html_stream_byte(s, *p);
		}
	}
	html_stream_byte(s, '"');
}

static void put_key(struct html_stream *s, const char *name)
{
	put_text(s, name);
	html_stream_byte(s, ':');
}

/* --- fields of maps */
static void put_str(struct html_stream *s, const void *field)
{
	put_text(s, *(char *const *)field);
}

static void put_u64(struct html_stream *s, const void *field)
{
	uint64_t v = *(const uint64_t *)field;

	put_format(s, v < EXACT ? "%" PRIu64 : "\"%" PRIu64 "\"", v);
}

static void put_i64(struct html_stream *s, const void *field)
{
	int64_t v = *(const int64_t *)field;
	bool exact = v < (int64_t)EXACT && v > -(int64_t)EXACT;

	put_format(s, exact ? "%" PRId64 : "\"%" PRId64 "\"", v);
}

static void put_f64(struct html_stream *s, const void *field)
{
	double v = *(const double *)field;

	put_format(s, "%.17g", isfinite(v) ? v : 0.0);
}

static void put_bool(struct html_stream *s, const void *field)
{
	put_format(s, "%s", *(const bool *)field ? "true" : "false");
}

static void put_id(struct html_stream *s, const void *field)
{
	const uint8_t *id = field;

	html_stream_byte(s, '"');
	for (int i = 0; i < REPORT_ID_BYTES; i++)
		put_format(s, "%02x", id[i]);
	html_stream_byte(s, '"');
}

static void put_counts(struct html_stream *s, const void *field)
{
	const struct report_counts *c = field;

	html_stream_byte(s, '[');
	for (size_t i = 0; i < c->n; i++) {
		put_format(s, i ? ",[" : "[");
		put_text(s, c->name[i]);
		html_stream_byte(s, ',');
		put_u64(s, &c->count[i]);
		html_stream_byte(s, ']');
	}
	html_stream_byte(s, ']');
}

static void put_strings(struct html_stream *s, const void *field)
{
	const struct report_strings *strings = field;

	html_stream_byte(s, '[');
	for (size_t i = 0; i < strings->n; i++) {
		if (i)
			html_stream_byte(s, ',');
		put_text(s, strings->text[i]);
	}
	html_stream_byte(s, ']');
}

static void (*const put_field[])(struct html_stream *s, const void *field) = {
	[WIRE_STR] = put_str,	    [WIRE_ID] = put_id,		  [WIRE_U64] = put_u64,
	[WIRE_I64] = put_i64,	    [WIRE_F64] = put_f64,	  [WIRE_BOOL] = put_bool,
	[WIRE_COUNTS] = put_counts, [WIRE_STRINGS] = put_strings,
};

/* --- columns: what a value is, and the cheaper of the two ways to write it */
static uint64_t zigzag(uint64_t v)
{
	return v << 1 ^ (uint64_t)((int64_t)v >> 63);
}

static int varint_bytes(uint64_t v)
{
	return 1 + (63 - __builtin_clzll(v | 1)) / 7;
}

struct column {
	char type;
	const void *data;
	size_t n;
};

static struct column column_of(const void *table, const struct wire_field *f)
{
	static const char types[] = {
		[WIRE_U32] = 'u', [WIRE_REF] = 'u', [WIRE_I32] = 'i',
		[WIRE_U64] = 'w', [WIRE_I64] = 's', [WIRE_F64] = 'f',
	};

	return (struct column){types[f->kind], wire_column(table, f), wire_rows(table)};
}

static uint64_t column_value(const struct column *c, size_t i)
{
	if (c->type == 'u')
		return ((const uint32_t *)c->data)[i];
	if (c->type == 'i')
		return (uint64_t)(int64_t)((const int32_t *)c->data)[i];
	return ((const uint64_t *)c->data)[i];
}

static bool column_signed(const struct column *c)
{
	return c->type == 'i' || c->type == 's';
}

/* Differences are summed up in a double on the other side, so all values must be exact in one. */
static char column_coding(const struct column *c)
{
	uint64_t plain = 0, delta = 0, before = 0;

	if (c->type == 'f')
		return 'r';
	for (size_t i = 0; i < c->n; i++) {
		uint64_t v = column_value(c, i), z = zigzag(v);

		if ((column_signed(c) ? z / 2 : v) >= EXACT)
			return 'p';
		plain += varint_bytes(column_signed(c) ? z : v);
		delta += varint_bytes(zigzag(v - before));
		before = v;
	}
	return delta < plain ? 'd' : 'p';
}

static void put_column(struct html_stream *s, const struct column *c, char coding)
{
	uint64_t before = 0;

	if (coding == 'r') {
		html_stream_put(s, c->data, c->n * sizeof(double));
		return;
	}
	for (size_t i = 0; i < c->n; i++) {
		uint64_t v = column_value(c, i);

		if (coding == 'd')
			html_stream_varint(s, zigzag(v - before));
		else
			html_stream_varint(s, column_signed(c) ? zigzag(v) : v);
		before = v;
	}
}

/* --- the two walks; an empty key closes what a comma has left open */
static void put_table_head(struct page_writer *w, const struct wire_type *type, const void *table)
{
	put_format(&w->s, "\"n\":%zu,\"columns\":{", wire_rows(table));
	for (size_t i = 0; i < type->n_fields && w->n_codings < sizeof(w->codings); i++) {
		struct column c = column_of(table, &type->fields[i]);
		char coding = column_coding(&c);

		w->codings[w->n_codings++] = coding;
		put_key(&w->s, type->fields[i].name);
		put_format(&w->s, "\"%c%c\",", c.type, coding);
	}
	put_format(&w->s, "\"\":0},");
}

static void put_head(struct page_writer *w, const struct wire_type *type, const void *object)
{
	html_stream_byte(&w->s, '{');
	if (type->table)
		put_table_head(w, type, object);
	for (size_t i = 0; !type->table && i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];

		put_key(&w->s, f->name);
		if (f->kind == WIRE_NEST)
			put_head(w, f->type, wire_at(object, f));
		else
			put_field[f->kind](&w->s, wire_at(object, f));
		html_stream_byte(&w->s, ',');
	}
	put_format(&w->s, "\"\":0}");
}

static void put_columns(struct page_writer *w, const struct wire_type *type, const void *object,
			size_t *next)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];

		if (type->table && *next < w->n_codings) {
			struct column c = column_of(object, f);

			put_column(&w->s, &c, w->codings[(*next)++]);
		} else if (f->kind == WIRE_NEST) {
			put_columns(w, f->type, wire_at(object, f), next);
		}
	}
}

int html_data_write(const struct report *r, int (*write)(void *, const void *, size_t), void *arg)
{
	struct page_writer *w = calloc(1, sizeof(*w));
	size_t next = 0;
	int err;

	if (!w)
		return -ENOMEM;
	err = html_stream_init(&w->s, write, arg);
	if (!err) {
		put_head(w, &wire_report, r);
		html_stream_byte(&w->s, '\0');
		put_columns(w, &wire_report, r, &next);
		err = html_stream_finish(&w->s);
	}
	free(w);
	return err;
}
