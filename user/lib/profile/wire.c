// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/profile/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/profile/intern.h"

static const struct {
	const char *name;
	size_t bytes;
} kinds[] = {
	[WIRE_STR] = {"str", 0},	 [WIRE_ID] = {"id", REPORT_ID_BYTES},
	[WIRE_U32] = {"u32", 4},	 [WIRE_I32] = {"i32", 4},
	[WIRE_U64] = {"u64", 8},	 [WIRE_I64] = {"i64", 8},
	[WIRE_F64] = {"f64", 8},	 [WIRE_BOOL] = {"bool", sizeof(bool)},
	[WIRE_REF] = {"ref", 4},	 [WIRE_COUNTS] = {"counts", 0},
	[WIRE_STRINGS] = {"strings", 0}, [WIRE_NEST] = {"nest", 0},
};

const char *wire_kind_name(enum wire_kind kind)
{
	return kinds[kind].name;
}

size_t wire_kind_bytes(enum wire_kind kind)
{
	return kinds[kind].bytes;
}

const struct wire_field *wire_find(const struct wire_type *type, const char *name, size_t len)
{
	for (size_t i = 0; i < type->n_fields; i++)
		if (!strncmp(type->fields[i].name, name, len) && !type->fields[i].name[len])
			return &type->fields[i];
	return NULL;
}

/* Columns are pointers of several types: read and written bytewise, as aliasing wants it. */
void *wire_column(const void *table, const struct wire_field *f)
{
	void *column;

	memcpy(&column, wire_at(table, f), sizeof(column));
	return column;
}

static void wire_set_column(void *table, const struct wire_field *f, void *column)
{
	memcpy(wire_at(table, f), &column, sizeof(column));
}

bool wire_is_set(const struct wire_type *type, const void *object)
{
	const char *p = object;

	if (type->table)
		return wire_rows(object) || ((const struct report_unknown *)(p + type->unknown))->n;
	for (size_t i = 0; i < type->size; i++)
		if (p[i])
			return true;
	return false;
}

bool wire_is_written(const struct wire_field *f, const void *object)
{
	static const uint8_t no_id[REPORT_ID_BYTES];

	if (f->kind == WIRE_NEST)
		return wire_is_set(f->type, wire_at(object, f));
	if (f->kind == WIRE_STR)
		return wire_column(object, f);
	return f->kind != WIRE_ID || memcmp(wire_at(object, f), no_id, sizeof(no_id));
}

int wire_reserve(const struct wire_type *type, void *table, size_t rows)
{
	size_t *cap = (size_t *)table + 1;
	size_t want = *cap ? *cap : 16;

	if (rows <= *cap)
		return 0;
	while (want < rows)
		want *= 2;
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];
		size_t bytes = wire_kind_bytes(f->kind);
		char *column =
			want > SIZE_MAX / 16 ? NULL : realloc(wire_column(table, f), want * bytes);

		if (!column)
			return -ENOMEM;
		memset(column + *cap * bytes, 0, (want - *cap) * bytes);
		wire_set_column(table, f, column);
	}
	*cap = want;
	return 0;
}

int64_t wire_add_row(const struct wire_type *type, void *table)
{
	size_t *n = table;

	if (wire_reserve(type, table, *n + 1))
		return -ENOMEM;
	return (*n)++;
}

int wire_init(const struct wire_root *root, void *object)
{
	memset(object, 0, root->type->size);
	if (intern_text(wire_strings(root, object), "", 0) < 0 ||
	    report_set((char **)((char *)object + root->schema_at), root->schema)) {
		wire_release(root->type, object);
		return -ENOMEM;
	}
	return 0;
}

static void counts_release(struct report_counts *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->name[i]);
	free(c->name);
	free(c->count);
}

static void unknown_release(struct report_unknown *u)
{
	for (size_t i = 0; i < u->n; i++) {
		free(u->name[i]);
		free(u->data[i]);
	}
	free(u->name);
	free(u->data);
	free(u->size);
	*u = (struct report_unknown){0};
}

size_t wire_drop_unknown(const struct wire_type *type, void *object)
{
	struct report_unknown *u = (struct report_unknown *)((char *)object + type->unknown);
	size_t n = u->n;

	unknown_release(u);
	return n;
}

void wire_release(const struct wire_type *type, void *object)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];

		if (type->table || f->kind == WIRE_STR)
			free(wire_column(object, f));
		else if (f->kind == WIRE_COUNTS)
			counts_release(wire_at(object, f));
		else if (f->kind == WIRE_STRINGS)
			intern_release(wire_at(object, f));
		else if (f->kind == WIRE_NEST)
			wire_release(f->type, wire_at(object, f));
	}
	unknown_release((struct report_unknown *)((char *)object + type->unknown));
	memset(object, 0, type->size);
}

int wire_keep_unknown(struct report_unknown *u, const char *name, size_t len, const void *data,
		      size_t size)
{
	char **names = realloc(u->name, (u->n + 1) * sizeof(*names));
	void **datas = names ? realloc(u->data, (u->n + 1) * sizeof(*datas)) : NULL;
	size_t *sizes = datas ? realloc(u->size, (u->n + 1) * sizeof(*sizes)) : NULL;

	u->name = names ? names : u->name;
	u->data = datas ? datas : u->data;
	u->size = sizes ? sizes : u->size;
	if (!sizes)
		return -ENOMEM;
	names[u->n] = strndup(name, len);
	datas[u->n] = malloc(size + !size);
	if (!names[u->n] || !datas[u->n]) {
		free(names[u->n]);
		free(datas[u->n]);
		return -ENOMEM;
	}
	memcpy(datas[u->n], data, size);
	sizes[u->n++] = size;
	return 0;
}
