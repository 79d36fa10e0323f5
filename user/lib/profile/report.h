/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report in memory: structs generated from wire.def, one C array a column.
 *
 * Ownership: a report owns every string and column in it. Rows are added with
 * report_NAME_add(); text is interned with report_intern() and referred to by index.
 * A zeroed struct report plus report_init() is empty; report_release() frees and zeroes.
 */
#ifndef BD_REPORT_H
#define BD_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define REPORT_SCHEMA "backdraft.report/1"
#define REPORT_ID_BYTES 16
/* One slot of `timeline`. */
#define REPORT_SLOT_NS 10000000ull

/* A map from a name to a count, such as loss.reasons; kept sorted by name. */
struct report_counts {
	size_t n;
	char **name;
	uint64_t *count;
};

/* `strings`: entry 0 is "". `index` is the intern table (private). */
struct report_strings {
	size_t n, cap;
	char **text;
	struct strings_index *index;
};

/* Fields of a map that this version does not know, as they came (MessagePack), to be passed on. */
struct report_unknown {
	size_t n;
	char **name;
	void **data;
	size_t *size;
};

#define REPORT_FIELD_STR(name) char *name;
#define REPORT_FIELD_ID(name) uint8_t name[REPORT_ID_BYTES];
#define REPORT_FIELD_U64(name) uint64_t name;
#define REPORT_FIELD_I64(name) int64_t name;
#define REPORT_FIELD_F64(name) double name;
#define REPORT_FIELD_BOOL(name) bool name;
#define REPORT_FIELD_COUNTS(name) struct report_counts name;
#define REPORT_FIELD_STRINGS(name) struct report_strings name;
#define REPORT_COLUMN_U32(name) uint32_t *name;
#define REPORT_COLUMN_I32(name) int32_t *name;
#define REPORT_COLUMN_U64(name) uint64_t *name;
#define REPORT_COLUMN_I64(name) int64_t *name;
#define REPORT_COLUMN_F64(name) double *name;
#define REPORT_COLUMN_REF(name) uint32_t *name;

/* Structs for every MAP and TABLE of wire.def, and report_NAME_add() for every TABLE. */
#define report_report report
#define WIRE_ROOT report
#define WIRE_DEF "wire.def"
#include "user/lib/profile/wire_structs.h"
#undef WIRE_ROOT
#undef WIRE_DEF

/* The empty report, of schema REPORT_SCHEMA. 0 or -ENOMEM. */
int report_init(struct report *r);
void report_release(struct report *r);

/*
 * Index of `text` in r->strings, added when new; NULL counts as "". Bytes that are not UTF-8, and
 * NUL, become U+FFFD. O(1). Returns -ENOMEM on failure.
 */
int64_t report_intern(struct report *r, const char *text);
int64_t report_intern_n(struct report *r, const char *text, size_t len);

/* Text of a REF; "" for an index that is out of range. */
const char *report_text(const struct report *r, uint32_t ref);
/* Does it say of some of its threads that they are its client's? */
bool report_has_client(const struct report *r);

/* Sets a STR field to a copy of `text`, made valid UTF-8 (or frees it for NULL). 0 or -ENOMEM. */
int report_set(char **field, const char *text);
/* Adds to the count of `name`, which begins at 0. 0 or -ENOMEM; sums stop at UINT64_MAX. */
int report_count(struct report_counts *counts, const char *name, uint64_t add);

#endif
