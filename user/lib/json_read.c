// SPDX-License-Identifier: BSD-2-Clause
#include "json_read.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

struct reader {
	struct json *doc;
	const char *at, *end;
	int status; /* sticky */
};

static uint32_t read_value(struct reader *r, unsigned int depth);

static uint32_t fail(struct reader *r, int status)
{
	r->status = r->status ? r->status : status;
	return 0;
}

static void skip_space(struct reader *r)
{
	while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at)
		r->at++;
}

static bool take(struct reader *r, char c)
{
	skip_space(r);
	if (r->at >= r->end || *r->at != c)
		return false;
	r->at++;
	return true;
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

static int hex4(struct reader *r, uint32_t *ret)
{
	*ret = 0;
	if (r->end - r->at < 4)
		return -EINVAL;
	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit =
			*r->at ? strchr(digits, *r->at | (*r->at >= 'A' ? 0x20 : 0)) : NULL;

		if (!digit)
			return -EINVAL;
		*ret = *ret << 4 | (digit - digits);
		r->at++;
	}
	return 0;
}

static char *put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = c;
	} else if (c < 0x800) {
		*to++ = 0xc0 | c >> 6;
		*to++ = 0x80 | (c & 0x3f);
	} else if (c < 0x10000) {
		*to++ = 0xe0 | c >> 12;
		*to++ = 0x80 | (c >> 6 & 0x3f);
		*to++ = 0x80 | (c & 0x3f);
	} else {
		*to++ = 0xf0 | c >> 18;
		*to++ = 0x80 | (c >> 12 & 0x3f);
		*to++ = 0x80 | (c >> 6 & 0x3f);
		*to++ = 0x80 | (c & 0x3f);
	}
	return to;
}

/* Behind "\u". Never longer than what it is read from. */
static char *read_unicode(struct reader *r, char *to)
{
	uint32_t c, low;

	if (hex4(r, &c))
		return NULL;
	if (c >= 0xd800 && c < 0xdc00 && r->end - r->at >= 6 && !memcmp(r->at, "\\u", 2)) {
		const char *back = r->at;

		r->at += 2;
		if (hex4(r, &low))
			return NULL;
		if (low >= 0xdc00 && low < 0xe000)
			return put_utf8(to, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
		r->at = back;
	}
	return put_utf8(to, !c || (c >= 0xd800 && c < 0xe000) ? 0xfffd : c);
}

static char *read_escape(struct reader *r, char *to)
{
	static const char from[] = "\"\\/bfnrt", is[] = "\"\\/\b\f\n\r\t";
	const char *known;
	char c;

	if (r->at >= r->end)
		return NULL;
	c = *r->at++;
	if (c == 'u')
		return read_unicode(r, to);
	known = c ? strchr(from, c) : NULL;
	if (!known)
		return NULL;
	*to++ = is[known - from];
	return to;
}

/* Behind the first quote. All texts lie in one block as large as the input. */
static const char *read_string(struct reader *r)
{
	char *begin = r->doc->text + r->doc->text_n, *to = begin;

	while (r->at < r->end && *r->at != '"') {
		size_t step = utf8_step(r->at, r->end - r->at);

		if (!step || (unsigned char)*r->at < 0x20)
			break;
		if (*r->at != '\\') {
			memcpy(to, r->at, step);
			to += step;
			r->at += step;
			continue;
		}
		r->at++;
		to = read_escape(r, to);
		if (!to)
			break;
	}
	if (!to || r->at >= r->end || *r->at != '"') {
		fail(r, -EINVAL);
		return "";
	}
	r->at++;
	*to++ = '\0';
	r->doc->text_n = to - r->doc->text;
	return begin;
}

static const char *digits_of(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* strtod() knows more than JSON does, so the form is checked first. */
static uint32_t read_number(struct reader *r)
{
	const char *begin = r->at, *p = begin + (*begin == '-'), *digits = p;
	uint32_t value = add_value(r, JSON_NUMBER);
	char text[64];

	p = digits_of(p, r->end);
	if (p == digits || (p - digits > 1 && *digits == '0'))
		return fail(r, -EINVAL);
	if (p < r->end && *p == '.') {
		digits = ++p;
		p = digits_of(p, r->end);
		if (p == digits)
			return fail(r, -EINVAL);
	}
	if (p < r->end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < r->end && (*p == '+' || *p == '-');
		digits = p;
		p = digits_of(p, r->end);
		if (p == digits)
			return fail(r, -EINVAL);
	}
	if ((size_t)(p - begin) >= sizeof(text))
		return fail(r, -EINVAL);
	memcpy(text, begin, p - begin);
	text[p - begin] = '\0';
	if (!r->status)
		r->doc->values[value].number = strtod(text, NULL);
	r->at = p;
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

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i].word);

		if ((size_t)(r->end - r->at) < len || memcmp(r->at, words[i].word, len))
			continue;
		r->at += len;
		return add_value(r, words[i].type);
	}
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
	if (r->at < r->end && (*r->at == '-' || (*r->at >= '0' && *r->at <= '9')))
		return read_number(r);
	return read_word(r);
}

int json_read(const char *text, size_t len, struct json *ret, size_t *ret_at)
{
	struct json doc = {.text = malloc(len + 1)};
	struct reader r = {.doc = &doc, .at = text, .end = text + len};

	if (!doc.text)
		return -ENOMEM;
	read_value(&r, 0);
	skip_space(&r);
	if (!r.status && r.at != r.end)
		fail(&r, -EINVAL);
	if (r.status) {
		*ret_at = r.at - text;
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
