// SPDX-License-Identifier: BSD-2-Clause
/* What holds between the tables of a document; everything that reads one relies on it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/lib/profile/wire.h"

static int check_refs(const struct wire_root *root, const struct wire_type *type,
		      const void *object, size_t strings, char *error, size_t error_bytes)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];
		const uint32_t *column;

		if (f->kind == WIRE_NEST &&
		    check_refs(root, f->type, wire_at(object, f), strings, error, error_bytes))
			return -EINVAL;
		if (f->kind != WIRE_REF)
			continue;
		column = wire_column(object, f);
		for (size_t row = 0; row < wire_rows(object); row++) {
			if (column[row] < strings)
				continue;
			snprintf(error, error_bytes,
				 "not a backdraft %s: %s.%s[%zu] is %u, strings %zu", root->what,
				 type->name, f->name, row, column[row], strings);
			return -EINVAL;
		}
	}
	return 0;
}

static int check_index(const struct wire_root *root, const struct wire_index *x, const void *object,
		       char *error, size_t error_bytes)
{
	size_t rows, target;
	int32_t *column;

	memcpy(&rows, (const char *)object + x->rows, sizeof(rows));
	memcpy(&column, (const char *)object + x->data, sizeof(column));
	memcpy(&target, (const char *)object + x->target_rows, sizeof(target));
	for (size_t row = 0; row < rows; row++) {
		/* A table that refers to itself is a tree: parents come first. */
		bool tree = x->rows == x->target_rows;
		size_t below = tree ? row : target;

		if (x->none ? column[row] == -1 || (column[row] >= 0 && column[row] < below)
			    : (uint32_t)column[row] < below)
			continue;
		if (tree)
			snprintf(error, error_bytes,
				 "not a backdraft %s: %s.%s[%zu] is %d, not a row before it",
				 root->what, x->table, x->column, row, column[row]);
		else
			snprintf(error, error_bytes,
				 "not a backdraft %s: %s.%s[%zu] is %lld, rows of %s %zu",
				 root->what, x->table, x->column, row,
				 x->none ? (long long)column[row] : (uint32_t)column[row],
				 x->target_name, target);
		return -EINVAL;
	}
	return 0;
}

int wire_check(const struct wire_root *root, const void *object, char *error, size_t error_bytes)
{
	int status = check_refs(root, root->type, object, wire_strings(root, object)->n, error,
				error_bytes);

	for (size_t i = 0; i < root->n_indexes && !status; i++)
		status = check_index(root, &root->indexes[i], object, error, error_bytes);
	return status;
}
