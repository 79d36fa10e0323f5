// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/profile/schema.h"

#include <stdio.h>
#include <string.h>

#include "user/lib/profile/wire.h"

/* The table whose row numbers a column holds, or NULL. */
static const struct wire_index *schema_index(const char *path, const struct wire_field *f)
{
	for (size_t i = 0; i < wire_root_report.n_indexes; i++)
		if (!strcmp(wire_root_report.indexes[i].table, path) &&
		    !strcmp(wire_root_report.indexes[i].column, f->name))
			return &wire_root_report.indexes[i];
	return NULL;
}

static const char *schema_kind(const struct wire_field *f)
{
	if (f->kind != WIRE_NEST)
		return wire_kind_name(f->kind);
	return f->type->table ? "table" : "map";
}

static void text_fields(struct out *out, const struct wire_type *type, const char *path, int indent)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];
		const struct wire_index *x = schema_index(path, f);
		const char *doc = f->type && !*f->doc ? f->type->doc : f->doc;

		out_printf(out, "%*s%3u %-*s %-8s %s", indent, "", f->number, 26 - indent, f->name,
			   schema_kind(f), doc);
		if (x)
			out_printf(out, " (rows of %s%s)", x->target_name,
				   x->none ? ", or -1" : "");
		out_char(out, '\n');
		if (f->type) {
			char below[128];

			snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", f->name);
			text_fields(out, f->type, below, indent + 4);
		}
	}
}

void schema_text(struct out *out)
{
	out_text(out, "Schema " REPORT_SCHEMA ": gzip of a MessagePack map with these fields, keyed"
		      " by name.\n"
		      "A table is a map from a column's name to an array; its columns have one"
		      " length.\n"
		      "A ref is a number of an entry in `strings`. Times are ns since the epoch"
		      " unless the text\n"
		      "says otherwise. Numbers and names are never used again for something"
		      " else.\n\n");
	text_fields(out, &wire_report, "", 0);
}

static void json_pair(struct out *out, const char *name, const char *value, const char *behind)
{
	out_printf(out, "\"%s\": ", name);
	out_json(out, value);
	out_text(out, behind);
}

static void json_fields(struct out *out, const struct wire_type *type, const char *path)
{
	out_text(out, "[");
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];
		const struct wire_index *x = schema_index(path, f);
		char below[128];

		out_printf(out, "%s\n{\"number\": %u, ", i ? "," : "", f->number);
		json_pair(out, "name", f->name, ", ");
		json_pair(out, "kind", schema_kind(f), ", ");
		json_pair(out, "doc", f->type && !*f->doc ? f->type->doc : f->doc, "");
		if (x) {
			out_text(out, ", ");
			json_pair(out, "rows_of", x->target_name, "");
			out_printf(out, ", \"or_none\": %s", x->none ? "true" : "false");
		}
		if (f->type) {
			snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", f->name);
			out_text(out, ", \"fields\": ");
			json_fields(out, f->type, below);
		}
		out_char(out, '}');
	}
	out_char(out, ']');
}

void schema_json(struct out *out)
{
	out_char(out, '{');
	json_pair(out, "schema", REPORT_SCHEMA, ", ");
	json_pair(out, "doc", wire_report.doc, ", ");
	out_text(out, "\"fields\": ");
	json_fields(out, &wire_report, "");
	out_text(out, "}\n");
}
