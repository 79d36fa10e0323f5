// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/status/status.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/profile/json.h"
#include "user/lib/base/json_read.h"
#include "user/lib/base/out.h"

#define ROWS_MAX 100000 /* of a table in an answer */

/* --- status.def as data */
enum kind { TEXT, COUNT, NUMBER };

struct field {
	const char *of, *name;
	enum kind kind;
	size_t offset; /* in its section or row */
};

static const struct field fields[] = {
#define FIELD(of, kind, name, doc) {#of, #name, kind, offsetof(struct status_##of, name)},
#include "user/lib/status/status.def"
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static const struct section {
	const char *name;
	size_t offset;
} sections[] = {
#define END_SECTION(name) {#name, offsetof(struct status, name)},
#include "user/lib/status/status.def"
};
#define N_SECTIONS (sizeof(sections) / sizeof(sections[0]))

static const struct table {
	const char *name;
	size_t row_size, rows, n, cap; /* the last three are offsets */
} tables[] = {
#define END_TABLE(name)                                                                            \
	{#name, sizeof(struct status_##name), offsetof(struct status, name),                       \
	 offsetof(struct status, n_##name), offsetof(struct status, cap_##name)},
#include "user/lib/status/status.def"
};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

static void *at(const void *base, size_t offset)
{
	return (char *)base + offset;
}

/* Calls for each field of a section or a row. */
static void each_field(const char *of, void *base, void (*call)(void *, const struct field *))
{
	for (size_t i = 0; i < N_FIELDS; i++)
		if (!strcmp(fields[i].of, of))
			call(at(base, fields[i].offset), &fields[i]);
}

static void field_init(void *field, const struct field *f)
{
	if (f->kind == NUMBER)
		*(double *)field = NAN;
}

static void field_free(void *field, const struct field *f)
{
	if (f->kind == TEXT)
		free(*(char **)field);
}

void status_init(struct status *s)
{
	*s = (struct status){0};
	for (size_t i = 0; i < N_SECTIONS; i++)
		each_field(sections[i].name, at(s, sections[i].offset), field_init);
}

void status_release(struct status *s)
{
	for (size_t i = 0; i < N_SECTIONS; i++)
		each_field(sections[i].name, at(s, sections[i].offset), field_free);
	for (size_t i = 0; i < N_TABLES; i++) {
		char *rows = *(char **)at(s, tables[i].rows);
		size_t n = *(size_t *)at(s, tables[i].n);

		for (size_t row = 0; row < n; row++)
			each_field(tables[i].name, rows + row * tables[i].row_size, field_free);
		free(rows);
	}
	*s = (struct status){0};
}

static void *add_row(struct status *s, const struct table *t)
{
	void **rows = at(s, t->rows);
	size_t *n = at(s, t->n), *cap = at(s, t->cap);
	char *row;

	if (*n == *cap) {
		size_t more = *cap ? *cap * 2 : 8;
		void *grown = realloc(*rows, more * t->row_size);

		if (!grown)
			return NULL;
		*rows = grown;
		*cap = more;
	}
	row = (char *)*rows + (*n)++ * t->row_size;
	memset(row, 0, t->row_size);
	each_field(t->name, row, field_init);
	return row;
}

static const struct table *table_at(size_t rows_offset)
{
	const struct table *t = tables;

	while (t->rows != rows_offset)
		t++;
	return t;
}

#define END_TABLE(name)                                                                            \
	struct status_##name *status_add_##name(struct status *s)                                  \
	{                                                                                          \
		return add_row(s, table_at(offsetof(struct status, name)));                        \
	}
#include "user/lib/status/status.def"

int status_set(char **field, const char *text)
{
	char *copy = strdup(text ? text : "");

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

/* --- writing */
static void write_map(struct out *out, const char *of, const void *base)
{
	char separator = '{';

	for (size_t i = 0; i < N_FIELDS; i++) {
		const void *field = at(base, fields[i].offset);

		if (strcmp(fields[i].of, of))
			continue;
		out_char(out, separator);
		separator = ',';
		out_json(out, fields[i].name);
		out_char(out, ':');
		if (fields[i].kind == TEXT)
			out_json(out, *(char *const *)field ? *(char *const *)field : "");
		else if (fields[i].kind == COUNT)
			out_u64(out, *(const uint64_t *)field);
		else
			json_f64(out, *(const double *)field);
	}
	out_char(out, '}');
}

void status_write(const struct status *s, struct out *out)
{
	out_text(out, "{\"schema\":\"" STATUS_SCHEMA "\"");
	for (size_t i = 0; i < N_SECTIONS; i++) {
		out_printf(out, ",\"%s\":", sections[i].name);
		write_map(out, sections[i].name, at(s, sections[i].offset));
	}
	for (size_t i = 0; i < N_TABLES; i++) {
		const char *rows = *(char *const *)at(s, tables[i].rows);
		size_t n = *(const size_t *)at(s, tables[i].n);

		out_printf(out, ",\"%s\":[", tables[i].name);
		for (size_t row = 0; row < n; row++) {
			if (row)
				out_char(out, ',');
			write_map(out, tables[i].name, rows + row * tables[i].row_size);
		}
		out_char(out, ']');
	}
	out_text(out, "}\n");
}

static void write_one(struct out *out, const char *name, const char *text)
{
	out_printf(out, "{\"%s\":", name);
	out_json(out, text);
	out_text(out, "}\n");
}

void status_write_text(struct out *out, const char *text)
{
	write_one(out, "text", text);
}

void status_write_error(struct out *out, const char *error)
{
	write_one(out, "error", error);
}

/* --- reading */
static int read_field(void *field, const struct field *f, const struct json_value *value)
{
	double number = json_number(value, NAN);

	if (f->kind == TEXT)
		return status_set(field, json_text(value, ""));
	if (f->kind == NUMBER)
		*(double *)field = number;
	/* What no uint64_t holds is 0 rather than undefined. */
	else if (number >= 0 && number < 1.8e19)
		*(uint64_t *)field = number;
	return 0;
}

static int read_map(const struct json *doc, const struct json_value *map, const char *of,
		    void *base)
{
	int status = 0;

	for (size_t i = 0; i < N_FIELDS && !status; i++)
		if (!strcmp(fields[i].of, of))
			status = read_field(at(base, fields[i].offset), &fields[i],
					    json_member(doc, map, fields[i].name));
	return status;
}

static int read_table(const struct json *doc, const struct json_value *array, const struct table *t,
		      struct status *s)
{
	const struct json_value *row = json_first(doc, array);
	int status = 0;

	if (!array || array->type != JSON_ARRAY)
		return 0;
	for (; row && !status; row = json_next(doc, row)) {
		void *to = *(size_t *)at(s, t->n) < ROWS_MAX ? add_row(s, t) : NULL;

		status = to ? read_map(doc, row, t->name, to) : -ENOMEM;
	}
	return status;
}

static int read_failed(int status, char *error)
{
	if (status == -ENOMEM)
		snprintf(error, STATUS_ERROR_BYTES, "out of memory");
	return status;
}

/* 0 and a map, or what the daemon has to complain about. */
static int read_answer(const char *line, size_t len, struct json *ret, char *error)
{
	size_t where;
	int status = json_read(line, len, ret, &where);
	const char *text;

	if (status == -EINVAL)
		snprintf(error, STATUS_ERROR_BYTES, "the answer is no JSON at byte %zu", where);
	if (status)
		return read_failed(status, error);
	text = json_text(json_member(ret, ret->values, "error"), NULL);
	if (!text)
		return 0;
	snprintf(error, STATUS_ERROR_BYTES, "%s", text);
	json_release(ret);
	return -EREMOTEIO;
}

int status_read(const char *line, size_t len, struct status *ret, char error[STATUS_ERROR_BYTES])
{
	struct json doc;
	struct status s;
	int status = read_answer(line, len, &doc, error);

	if (status)
		return status;
	if (strcmp(json_text(json_member(&doc, doc.values, "schema"), ""), STATUS_SCHEMA)) {
		json_release(&doc);
		snprintf(error, STATUS_ERROR_BYTES, "the answer is no " STATUS_SCHEMA);
		return -EINVAL;
	}
	status_init(&s);
	for (size_t i = 0; i < N_SECTIONS && !status; i++)
		status = read_map(&doc, json_member(&doc, doc.values, sections[i].name),
				  sections[i].name, at(&s, sections[i].offset));
	for (size_t i = 0; i < N_TABLES && !status; i++)
		status = read_table(&doc, json_member(&doc, doc.values, tables[i].name), &tables[i],
				    &s);
	json_release(&doc);
	if (status)
		status_release(&s);
	else
		*ret = s;
	return read_failed(status, error);
}

int status_read_text(const char *line, size_t len, char **ret, char error[STATUS_ERROR_BYTES])
{
	struct json doc;
	int status = read_answer(line, len, &doc, error);
	const char *text;

	if (status)
		return status;
	text = json_text(json_member(&doc, doc.values, "text"), NULL);
	*ret = text ? strdup(text) : NULL;
	json_release(&doc);
	if (*ret)
		return 0;
	snprintf(error, STATUS_ERROR_BYTES, "the answer has no text");
	return text ? read_failed(-ENOMEM, error) : -EINVAL;
}

/* --- requests */
static const char *const verbs[] = {
	[STATUS_STATUS] = "status",
	[STATUS_TOP] = "top",
	[STATUS_TRIGGER] = "trigger",
};

int status_request_read(const char *line, size_t len, struct status_request *ret,
			char error[STATUS_ERROR_BYTES])
{
	struct json doc;
	size_t where;
	const char *verb, *client;
	int status = json_read(line, len, &doc, &where);

	if (status == -EINVAL)
		snprintf(error, STATUS_ERROR_BYTES, "the request is no JSON at byte %zu", where);
	if (status)
		return read_failed(status, error);
	verb = json_text(json_member(&doc, doc.values, "verb"), "");
	client = json_text(json_member(&doc, doc.values, "client"), "");
	status = -EINVAL;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verb, verbs[i]))
			continue;
		ret->verb = i;
		status = 0;
	}
	if (status)
		snprintf(error, STATUS_ERROR_BYTES,
			 "no verb '%.60s'; there are status, top, trigger", verb);
	else if (strlen(client) >= sizeof(ret->client))
		snprintf(error, STATUS_ERROR_BYTES, "the name of a client has at most %zu bytes",
			 sizeof(ret->client) - 1),
			status = -EINVAL;
	else
		snprintf(ret->client, sizeof(ret->client), "%s", client);
	json_release(&doc);
	return status;
}

void status_request_write(const struct status_request *request, struct out *out)
{
	out_printf(out, "{\"verb\":\"%s\"", verbs[request->verb]);
	if (*request->client) {
		out_text(out, ",\"client\":");
		out_json(out, request->client);
	}
	out_text(out, "}\n");
}
