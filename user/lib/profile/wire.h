/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What wire.def says, as data: a descriptor for each map, table, field and column of the report; and
 * of heartbeat.def, the other document, in the same way. Encoder, decoder, JSON form, schema and the
 * round-trip test walk these; none names a field.
 */
#ifndef BD_WIRE_H
#define BD_WIRE_H

#include "user/lib/profile/report.h"

enum wire_kind {
	WIRE_STR,
	WIRE_ID,
	WIRE_U32,
	WIRE_I32,
	WIRE_U64,
	WIRE_I64,
	WIRE_F64,
	WIRE_BOOL,
	WIRE_REF,
	WIRE_COUNTS,
	WIRE_STRINGS,
	WIRE_NEST,
};

struct wire_type;

struct wire_field {
	const char *name, *doc;
	unsigned int number;
	enum wire_kind kind;
	size_t offset;		      /* in the struct; of a column: where its pointer is */
	const struct wire_type *type; /* of a WIRE_NEST */
};

/* A map or table. The struct of a table begins with `size_t n, cap`. */
struct wire_type {
	const char *name, *doc;
	bool table;
	size_t size, n_fields;
	const struct wire_field *fields;
	size_t unknown; /* offset of its struct report_unknown */
	size_t present; /* of a map but the outermost one: offset of `present`; else 0 */
};

/* A column that holds row numbers of another table; all offsets are in the outermost struct. */
struct wire_index {
	const char *table, *column, *target_name;
	size_t rows, data, target_rows;
	bool none; /* -1 is allowed */
};

/* A whole document. */
struct wire_root {
	const struct wire_type *type;
	const char *schema, *what;    /* the value of the field `schema`; "report", in messages */
	size_t schema_at, strings_at; /* offsets of the fields of these names */
	const struct wire_index *indexes;
	size_t n_indexes;
};

extern const struct wire_type wire_report, wire_report_agent, wire_report_host;
extern const struct wire_root wire_root_report;

static inline struct report_strings *wire_strings(const struct wire_root *root, const void *object)
{
	return (struct report_strings *)((char *)object + root->strings_at);
}

/* "u64" and so on, as `schema` and messages call a kind. */
const char *wire_kind_name(enum wire_kind kind);
/* Bytes of one value in memory; 0 for the kinds without a fixed size. */
size_t wire_kind_bytes(enum wire_kind kind);

/* The field of that name, or NULL. `len` bytes, not terminated. */
const struct wire_field *wire_find(const struct wire_type *type, const char *name, size_t len);

/* What the field of a map, or the first value of a column, is in memory. */
static inline void *wire_at(const void *object, const struct wire_field *f)
{
	return (char *)object + f->offset;
}
void *wire_column(const void *table, const struct wire_field *f);

/* Rows of a table. */
static inline size_t wire_rows(const void *table)
{
	return *(const size_t *)table;
}

/* False for a table without rows and a map that nobody has filled, which stay off the wire. */
bool wire_is_set(const struct wire_type *type, const void *object);

/* False for a field that is left out of its map: a text or ID that is absent, an empty table. */
bool wire_is_written(const struct wire_field *f, const void *object);

/* Room for that many rows in every column; new rows are zeroes. 0 or -ENOMEM. */
int wire_reserve(const struct wire_type *type, void *table, size_t rows);
/* One more row of zeroes: its index or -ENOMEM. */
int64_t wire_add_row(const struct wire_type *type, void *table);

/*
 * Whether every REF is within `strings`, every row number within its table, and every parent above
 * its child. 0, or -EINVAL and a line that names the first that is not.
 */
int wire_check(const struct wire_root *root, const void *object, char *error, size_t error_bytes);

/*
 * What report_encode(), report_decode_fd() and report_decode() of codec.h do, for any document; fd
 * -1 is `data`. wire_pack() is the MessagePack of a map or document alone, not compressed.
 */
struct report_limits;
int wire_encode(const struct wire_type *type, const void *object,
		int (*write)(void *ctx, const void *data, size_t size), void *ctx);
int wire_pack(const struct wire_type *type, const void *object,
	      int (*write)(void *ctx, const void *data, size_t size), void *ctx);
int wire_decode(const struct wire_root *root, int fd, const void *data, size_t size,
		const struct report_limits *limits, void *ret, char *error, size_t error_bytes);

/* The empty document: its schema, and the entry 0 of `strings`. 0 or -ENOMEM. */
int wire_init(const struct wire_root *root, void *object);

/* Frees everything in the object, and zeroes it. */
void wire_release(const struct wire_type *type, void *object);

/* Forgets the fields that this version does not know. How many there were. */
size_t wire_drop_unknown(const struct wire_type *type, void *object);

/* Keeps a copy of a field that this version does not know. 0 or -ENOMEM. */
int wire_keep_unknown(struct report_unknown *u, const char *name, size_t len, const void *data,
		      size_t size);

#endif
