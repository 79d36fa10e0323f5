/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading JSON (RFC 8259) of up to a few MB into a tree of values. Numbers are doubles. Strict:
 * what is not JSON, not UTF-8 or nested over JSON_DEPTH_MAX deep is refused.
 *
 * Ownership: a document owns all its values and texts.
 */
#ifndef BD_JSON_READ_H
#define BD_JSON_READ_H

#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 32

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_MAP };

struct json_value {
	enum json_type type;
	const char *name;	 /* of a member of a map, else NULL */
	const char *text;	 /* JSON_STRING; a NUL in it is U+FFFD */
	double number;		 /* JSON_NUMBER */
	uint32_t first, next, n; /* children of arrays and maps; 0 is none */
};

struct json {
	struct json_value *values; /* the root is the first one */
	char *text;
	size_t n, cap, text_n;
};

/* 0 and a document for json_release(); -EINVAL and where, in bytes, in ret_at; -ENOMEM. */
int json_read(const char *text, size_t len, struct json *ret, size_t *ret_at);
void json_release(struct json *doc);

/* The member of that name; NULL where there is none, or `map` is NULL or no map. */
const struct json_value *json_member(const struct json *doc, const struct json_value *map,
				     const char *name);
/* The first child, and the one after: NULL at the end. */
const struct json_value *json_first(const struct json *doc, const struct json_value *value);
const struct json_value *json_next(const struct json *doc, const struct json_value *value);

/* What a value is, or `otherwise` where it is NULL or another type. */
const char *json_text(const struct json_value *value, const char *otherwise);
double json_number(const struct json_value *value, double otherwise);

#endif
