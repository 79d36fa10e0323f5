// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/base/json_read.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/base/json_scan.h"

struct reader {
	struct json *doc;
	struct json_scan in;
	int status; /* sticky */
};

static uint32_t read_value(struct reader *r, unsigned int depth);

static uint32_t fail(struct reader *r, int status)
{
	r->status = r->status ? r->status : status;
	return 0;
}

static bool take(struct reader *r, char c)
{
	return json_scan_take(&r->in, c);
}

static uint32_t add_value(struct reader *r, enum json_type type)
{
	struct json *d = r->doc;

	if (d->n == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 64;
		struct json_value *values = realloc(d->values, cap * sizeof(*values));

		if (!values)
			return fail(r, -ENOMEM);
		d->values = values;
		d->cap = cap;
	}
	d->values[d->n] = (struct json_value){.type = type};
	return d->n++;
}

/* Behind the first quote. All texts lie in one block as large as the input. */
static const char *read_string(struct reader *r)
{
	char *begin = r->doc->text + r->doc->text_n;
	long len = json_scan_string(&r->in, begin);

	if (len < 0) {
		fail(r, -EINVAL);
		return "";
	}
	r->doc->text_n += len + 1;
	return begin;
}

/* strtod() knows more than JSON does, so the form is checked first. */
static uint32_t read_number(struct reader *r)
{
	uint32_t value = add_value(r, JSON_NUMBER);
	bool whole;
	const char *end = json_scan_number(&r->in, &whole);
	size_t len = end ? end - r->in.at : 0;
	char text[64];

	if (!end || len >= sizeof(text))
		return fail(r, -EINVAL);
	memcpy(text, r->in.at, len);
	text[len] = '\0';
	if (!r->status)
		r->doc->values[value].number = strtod(text, NULL);
	r->in.at = end;
	return value;
}

static uint32_t read_members(struct reader *r, enum json_type type, unsigned int depth)
{
	char close = type == JSON_MAP ? '}' : ']';
	uint32_t value = add_value(r, type), last = 0;

	if (depth >= JSON_DEPTH_MAX)
		return fail(r, -EINVAL);
	if (take(r, close))
		return value;
	while (!r->status) {
		const char *name = NULL;
		uint32_t child;

		if (type == JSON_MAP) {
			if (!take(r, '"'))
				return fail(r, -EINVAL);
			name = read_string(r);
			if (!take(r, ':'))
				return fail(r, -EINVAL);
		}
		child = read_value(r, depth + 1);
		if (r->status)
			break;
		r->doc->values[child].name = name;
		*(last ? &r->doc->values[last].next : &r->doc->values[value].first) = child;
		last = child;
		r->doc->values[value].n++;
		if (take(r, close))
			break;
		if (!take(r, ','))
			return fail(r, -EINVAL);
	}
	return value;
}

static uint32_t read_word(struct reader *r)
{
	static const struct {
		const char *word;
		enum json_type type;
	} words[] = {{"null", JSON_NULL}, {"false", JSON_FALSE}, {"true", JSON_TRUE}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (json_scan_word(&r->in, words[i].word))
			return add_value(r, words[i].type);
	return fail(r, -EINVAL);
}

static uint32_t read_value(struct reader *r, unsigned int depth)
{
	uint32_t value;

	if (take(r, '{'))
		return read_members(r, JSON_MAP, depth);
	if (take(r, '['))
		return read_members(r, JSON_ARRAY, depth);
	if (take(r, '"')) {
		const char *text = read_string(r);

		value = add_value(r, JSON_STRING);
		if (!r->status)
			r->doc->values[value].text = text;
		return value;
	}
	if (r->in.at < r->in.end && (*r->in.at == '-' || (*r->in.at >= '0' && *r->in.at <= '9')))
		return read_number(r);
	return read_word(r);
}

int json_read(const char *text, size_t len, struct json *ret, size_t *ret_at)
{
	struct json doc = {.text = malloc(len + 1)};
	struct reader r = {.doc = &doc, .in = {text, text + len}};

	if (!doc.text)
		return -ENOMEM;
	read_value(&r, 0);
	take(&r, '\0'); /* blanks */
	if (!r.status && r.in.at != r.in.end)
		fail(&r, -EINVAL);
	if (r.status) {
		*ret_at = r.in.at - text;
		json_release(&doc);
		return r.status;
	}
	*ret = doc;
	return 0;
}

void json_release(struct json *doc)
{
	free(doc->values);
	free(doc->text);
	*doc = (struct json){0};
}

const struct json_value *json_first(const struct json *doc, const struct json_value *value)
{
	return value && value->first ? &doc->values[value->first] : NULL;
}

const struct json_value *json_next(const struct json *doc, const struct json_value *value)
{
	return value && value->next ? &doc->values[value->next] : NULL;
}

const struct json_value *json_member(const struct json *doc, const struct json_value *map,
				     const char *name)
{
	const struct json_value *v = map && map->type == JSON_MAP ? json_first(doc, map) : NULL;

	while (v && strcmp(v->name, name))
		v = json_next(doc, v);
	return v;
}

const char *json_text(const struct json_value *value, const char *otherwise)
{
	return value && value->type == JSON_STRING ? value->text : otherwise;
}

double json_number(const struct json_value *value, double otherwise)
{
	return value && value->type == JSON_NUMBER ? value->number : otherwise;
}
