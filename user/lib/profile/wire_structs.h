/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A template: the structs of a file like wire.def. Who includes it has the kinds of report.h,
 * and defines WIRE_ROOT, the outermost map (`report`: the others' structs are report_NAME), WIRE_DEF,
 * the file, and report_report as report. Beside the structs it declares a function for each TABLE:
 *
 *   int64_t report_threads_add(struct report_threads *t): appends a row of zeroes. Its index or
 *   -ENOMEM. Columns grow together; pointers into them move.
 */
#define WIRE_GLUE(a, b) a##_##b
#define WIRE_PASTE(a, b) WIRE_GLUE(a, b)
#define WIRE_NAME(name) WIRE_PASTE(WIRE_ROOT, name)

/* clang-format off */
#define MAP(map, doc) struct WIRE_NAME(map) {
#define END(map)                                                                                   \
		bool present;                                                                      \
		struct report_unknown unknown;                                                     \
	};
#define TABLE(table, doc)                                                                          \
	struct WIRE_NAME(table) {                                                                  \
		size_t n, cap;
#define END_TABLE(table)                                                                           \
		struct report_unknown unknown;                                                     \
	};
#define FIELD(map, number, kind, name, doc) REPORT_FIELD_##kind(name)
#define COLUMN(table, number, kind, name, doc) REPORT_COLUMN_##kind(name)
#define NEST(map, number, type, name, doc) struct WIRE_NAME(type) name;
#define BORROW(map, number, type, name, doc) struct report_##type name;
#define ROOT(map, doc) MAP(map, doc)
#define END_ROOT(map) END_TABLE(map)
#include WIRE_DEF
/* clang-format on */

#define TABLE(table, doc)                                                                          \
	int64_t WIRE_PASTE(WIRE_NAME(table), add)(struct WIRE_NAME(table) * t);
#include WIRE_DEF

#undef WIRE_GLUE
#undef WIRE_PASTE
#undef WIRE_NAME
