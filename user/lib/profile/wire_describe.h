/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A template: the descriptors of wire.h from a file like wire.def, and the functions that add rows.
 * Who includes it defines WIRE_ROOT and WIRE_DEF as for wire_structs.h, WIRE_SCHEMA, the value of
 * the field `schema`, and WIRE_WHAT, the document's name in messages. Defines wire_root_report.
 */
#define WIRE_GLUE(a, b) a##_##b
#define WIRE_PASTE(a, b) WIRE_GLUE(a, b)
#define WIRE_NAME(name) WIRE_PASTE(WIRE_ROOT, name)
#define WIRE_TYPE(name) WIRE_PASTE(wire, WIRE_NAME(name))

/* clang-format off */
#define MAP(map, text)                                                                             \
	static const char map##_doc[] = text;                                                      \
	static const struct wire_field map##_fields[] = {
#define ROOT(map, text) MAP(map, text)
#define TABLE(table, text) MAP(table, text)
#define FIELD(map, num, kind_, name_, text)                                                        \
	{ .name = #name_, .doc = text, .number = num, .kind = WIRE_##kind_,                        \
	  .offset = offsetof(struct WIRE_NAME(map), name_) },
#define COLUMN(table, num, kind_, name_, text) FIELD(table, num, kind_, name_, text)
#define WIRE_NESTED(map, num, type_, name_, text)                                                  \
	{ .name = #name_, .doc = text, .number = num, .kind = WIRE_NEST,                           \
	  .offset = offsetof(struct WIRE_NAME(map), name_), .type = &type_ },
#define NEST(map, num, type, name, doc) WIRE_NESTED(map, num, WIRE_TYPE(type), name, doc)
#define BORROW(map, num, type, name, doc) WIRE_NESTED(map, num, wire_report_##type, name, doc)
#define DESCRIBE(map, is_table, present_)                                                          \
	.name = #map, .doc = map##_doc, .table = is_table, .size = sizeof(struct WIRE_NAME(map)),  \
	.fields = map##_fields, .n_fields = sizeof(map##_fields) / sizeof(map##_fields[0]),        \
	.unknown = offsetof(struct WIRE_NAME(map), unknown), .present = present_
#define END(map)                                                                                   \
	};                                                                                         \
	const struct wire_type WIRE_TYPE(map) = {                                                  \
		DESCRIBE(map, false, offsetof(struct WIRE_NAME(map), present)) };
#define END_TABLE(table)                                                                           \
	};                                                                                         \
	static const struct wire_type WIRE_TYPE(table) = { DESCRIBE(table, true, 0) };
#define END_ROOT(map)                                                                              \
	};                                                                                         \
	const struct wire_type WIRE_TYPE(map) = { DESCRIBE(map, false, 0) };
#include WIRE_DEF

#define INDEX_ROW(table_, column_, target, none_)                                                  \
	{ .table = #table_, .column = #column_, .target_name = #target,                            \
	  .rows = offsetof(struct WIRE_ROOT, table_.n),                                            \
	  .data = offsetof(struct WIRE_ROOT, table_.column_),                                      \
	  .target_rows = offsetof(struct WIRE_ROOT, target.n), .none = none_ },
#define INDEX(table, column, target) INDEX_ROW(table, column, target, false)
#define INDEX_OR_NONE(table, column, target) INDEX_ROW(table, column, target, true)
static const struct wire_index indexes[] = {
#include WIRE_DEF
};

const struct wire_root WIRE_PASTE(wire_root, WIRE_ROOT) = {
	.type = &WIRE_PASTE(wire, WIRE_ROOT), .schema = WIRE_SCHEMA, .what = WIRE_WHAT,
	.schema_at = offsetof(struct WIRE_ROOT, schema),
	.strings_at = offsetof(struct WIRE_ROOT, strings),
	.indexes = indexes, .n_indexes = sizeof(indexes) / sizeof(indexes[0]),
};

#define TABLE(table, doc)                                                                          \
	int64_t WIRE_PASTE(WIRE_NAME(table), add)(struct WIRE_NAME(table) *t)                      \
	{                                                                                          \
		return t->n < t->cap ? (int64_t)t->n++ : wire_add_row(&WIRE_TYPE(table), t);       \
	}
#include WIRE_DEF
/* clang-format on */
