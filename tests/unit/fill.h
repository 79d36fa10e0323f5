/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports for tests: one with every field of wire.def filled, and a comparison of two. */
#ifndef TESTS_FILL_H
#define TESTS_FILL_H

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "user/lib/profile/intern.h"
#include "user/lib/profile/wire.h"

#define FILL_ROWS 7

/* Different for each field and row, and large where the kind has room. Row numbers and REFs are
 * small instead. */
static inline uint64_t fill_value(const struct wire_field *f, size_t row)
{
	uint64_t v = (f->number * 2654435761u + row * 97 + strlen(f->name)) * 0x9e3779b97f4a7c15u;

	return f->kind == WIRE_REF ? (f->number + row) % FILL_ROWS : v;
}

static inline void fill_number(enum wire_kind kind, void *at, uint64_t v)
{
	if (kind == WIRE_U32 || kind == WIRE_REF || kind == WIRE_I32)
		memcpy(at, &(uint32_t){v}, 4);
	else if (kind == WIRE_F64)
		memcpy(at, &(double){(double)(int64_t)v / 3}, 8);
	else if (kind == WIRE_BOOL)
		memcpy(at, &(bool){true}, sizeof(bool));
	else
		memcpy(at, &v, 8);
}

static inline void fill_table(const struct wire_type *type, void *table)
{
	for (size_t row = 0; row < FILL_ROWS; row++)
		assert(wire_add_row(type, table) == (int64_t)row);
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];
		char *column = wire_column(table, f);

		for (size_t row = 0; row < FILL_ROWS; row++)
			fill_number(f->kind, column + row * wire_kind_bytes(f->kind),
				    fill_value(f, row));
	}
}

static inline void fill_map(const struct wire_type *type, void *object)
{
	/* array [1, {"x": nil}], as a newer version might write it */
	static const char newer[] = "\x92\x01\x81\xa1x\xc0";
	void *unknown = (char *)object + type->unknown;

	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];
		void *at = wire_at(object, f);
		char text[64];

		snprintf(text, sizeof(text), "%s.%s \xe2\x82\xac", type->name, f->name);
		if (type->table)
			continue;
		else if (f->kind == WIRE_NEST)
			fill_map(f->type, at);
		else if (f->kind == WIRE_STR)
			assert(!report_set(at, text));
		else if (f->kind == WIRE_ID)
			memset(at, 0xa0 + f->number, REPORT_ID_BYTES);
		else if (f->kind == WIRE_COUNTS)
			assert(!report_count(at, text, 3) && !report_count(at, "a", UINT64_MAX));
		else if (f->kind == WIRE_STRINGS)
			for (int n = 0; n < FILL_ROWS; n++) {
				snprintf(text, sizeof(text), "string %d", n);
				assert(intern_text(at, n ? text : "", n ? strlen(text) : 0) == n);
			}
		else
			fill_number(f->kind, at, fill_value(f, 0));
	}
	if (type->table)
		fill_table(type, object);
	if (type->present)
		*((bool *)object + type->present) = true;
	assert(!wire_keep_unknown(unknown, "from_the_future", 15, newer, sizeof(newer) - 1));
	assert(!wire_keep_unknown(unknown, "and_more", 8, "\xa2hi", 3));
}

/* Every field is set, and every row number is within its table. */
static inline void fill_document(const struct wire_root *root, void *document)
{
	memset(document, 0, root->type->size);
	fill_map(root->type, document);
	assert(!report_set((char **)((char *)document + root->schema_at), root->schema));
	for (size_t i = 0; i < root->n_indexes; i++) {
		const struct wire_index *x = &root->indexes[i];
		int32_t *column;

		memcpy(&column, (char *)document + x->data, sizeof(column));
		for (int row = 0; row < FILL_ROWS; row++)
			column[row] = x->rows == x->target_rows ? row - 1
				      : x->none && row == 3	? -1
								: (row * 5 + 2) % FILL_ROWS;
	}
}

static inline void fill_report(struct report *r)
{
	fill_document(&wire_root_report, r);
}

static inline bool same_bytes(const void *a, const void *b, size_t size)
{
	return !size || !memcmp(a, b, size);
}

static inline bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static inline bool same_counts(const struct report_counts *a, const struct report_counts *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = same_text(a->name[i], b->name[i]) && a->count[i] == b->count[i];
	return same;
}

static inline bool same_strings(const struct report_strings *a, const struct report_strings *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = same_text(a->text[i], b->text[i]);
	return same;
}

static inline bool same_unknown(const struct report_unknown *a, const struct report_unknown *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = same_text(a->name[i], b->name[i]) && a->size[i] == b->size[i] &&
		       same_bytes(a->data[i], b->data[i], a->size[i]);
	return same;
}

/* NULL where both are the same, else the name of what differs. */
static inline const char *fill_differs(const struct wire_type *type, const void *a, const void *b)
{
	if (type->table && wire_rows(a) != wire_rows(b))
		return type->name;
	if (!same_unknown((const void *)((const char *)a + type->unknown),
			  (const void *)((const char *)b + type->unknown)))
		return "unknown";
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];
		size_t bytes = wire_kind_bytes(f->kind);
		const void *x = wire_at(a, f), *y = wire_at(b, f);
		bool same = true;

		if (f->kind == WIRE_NEST) {
			const char *differs = fill_differs(f->type, x, y);

			if (differs)
				return differs;
		} else if (type->table) {
			same = same_bytes(wire_column(a, f), wire_column(b, f),
					  wire_rows(a) * bytes);
		} else if (f->kind == WIRE_STR) {
			same = same_text(wire_column(a, f), wire_column(b, f));
		} else if (f->kind == WIRE_COUNTS) {
			same = same_counts(x, y);
		} else if (f->kind == WIRE_STRINGS) {
			same = same_strings(x, y);
		} else {
			same = same_bytes(x, y, bytes);
		}
		if (!same)
			return f->name;
	}
	return NULL;
}

#endif
