// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/profile/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/lib/profile/wire.h"

void json_f64(struct out *out, double value)
{
	char text[32];

	if (!isfinite(value)) {
		out_text(out, "null");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	out_text(out, text);
}

static void json_id(struct out *out, const uint8_t *id)
{
	out_char(out, '"');
	for (int i = 0; i < REPORT_ID_BYTES; i++)
		out_printf(out, "%02x", id[i]);
	out_char(out, '"');
}

static void json_counts(struct out *out, const struct report_counts *c)
{
	out_char(out, '{');
	for (size_t i = 0; i < c->n; i++) {
		out_text(out, i ? ", " : "");
		out_json(out, c->name[i]);
		out_text(out, ": ");
		out_u64(out, c->count[i]);
	}
	out_char(out, '}');
}

static void json_strings(struct out *out, const struct report_strings *s)
{
	out_char(out, '[');
	for (size_t i = 0; i < s->n; i++) {
		out_text(out, i ? "," : "");
		out_json(out, s->text[i]);
	}
	out_char(out, ']');
}

static void json_object(struct out *out, const struct wire_type *type, const void *object,
			int indent);

/* One value, of a field or in a column: `at` points to it. */
static void json_value(struct out *out, const struct wire_field *f, const void *at, int indent)
{
	switch (f->kind) {
	case WIRE_U32:
	case WIRE_REF:
		out_u64(out, *(const uint32_t *)at);
		break;
	case WIRE_I32:
		out_i64(out, *(const int32_t *)at);
		break;
	case WIRE_U64:
		out_u64(out, *(const uint64_t *)at);
		break;
	case WIRE_I64:
		out_i64(out, *(const int64_t *)at);
		break;
	case WIRE_F64:
		json_f64(out, *(const double *)at);
		break;
	case WIRE_BOOL:
		out_text(out, *(const bool *)at ? "true" : "false");
		break;
	case WIRE_STR:
		out_json(out, *(char *const *)at);
		break;
	case WIRE_ID:
		json_id(out, at);
		break;
	case WIRE_COUNTS:
		json_counts(out, at);
		break;
	case WIRE_STRINGS:
		json_strings(out, at);
		break;
	case WIRE_NEST:
		json_object(out, f->type, at, indent);
		break;
	}
}

static void json_column(struct out *out, const struct wire_field *f, const void *table)
{
	const char *column = wire_column(table, f);
	size_t rows = wire_rows(table), bytes = wire_kind_bytes(f->kind);

	out_char(out, '[');
	for (size_t i = 0; i < rows; i++) {
		if (i)
			out_char(out, ',');
		json_value(out, f, column + i * bytes, 0);
	}
	out_char(out, ']');
}

static void json_object(struct out *out, const struct wire_type *type, const void *object,
			int indent)
{
	const char *separator = "";

	out_char(out, '{');
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];

		if (!type->table && !wire_is_written(f, object))
			continue;
		out_printf(out, "%s\n%*s", separator, indent + 2, "");
		out_json(out, f->name);
		out_text(out, ": ");
		if (type->table)
			json_column(out, f, object);
		else
			json_value(out, f, wire_at(object, f), indent + 2);
		separator = ",";
	}
	out_printf(out, "\n%*s}", indent, "");
}

void json_document(const struct wire_type *type, const void *object, struct out *out)
{
	json_object(out, type, object, 0);
	out_char(out, '\n');
}

void json_report(const struct report *r, struct out *out)
{
	json_document(&wire_report, r, out);
}
