/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A report as JSON: the names of the wire format, an id as 32 hex digits, a table as an object of
 * arrays. Numbers that JSON does not have (NaN, infinity) are null; fields that a newer version
 * wrote are left out.
 */
#ifndef BD_JSON_H
#define BD_JSON_H

#include "user/lib/base/out.h"
#include "user/lib/profile/report.h"

/* One object and a newline. Errors are those of `out`. */
void json_report(const struct report *r, struct out *out);
/* The same of any map or document that has descriptors. */
struct wire_type;
void json_document(const struct wire_type *type, const void *object, struct out *out);
/* A number, the shortest text that reads back as the same; null where JSON has none. */
void json_f64(struct out *out, double value);

#endif
