// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/profile/json_pack.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/base/json_scan.h"
#include "user/lib/profile/wire.h"

#define ARRAY32 0xdd
#define MAP32 0xdf
#define STR32 0xdb
#define BIN8 0xc4
#define UINT64 0xcf
#define INT64 0xd3
#define FLOAT64 0xcb
#define NIL 0xc0
#define FALSE 0xc2
#define TRUE 0xc3

struct packer {
	struct json_scan in;
	struct out *out;
	char *text; /* room for any one text */
	size_t limit;
	int status; /* sticky */
};

static void pack_value(struct packer *p, const struct wire_type *type, const struct wire_field *f,
		       unsigned int depth);

static int fail(struct packer *p, int status)
{
	p->status = p->status ? p->status : status;
	return p->status;
}

/* A first byte and a number of so many bytes, the highest first. */
static void put(struct packer *p, uint8_t first, uint64_t value, unsigned int bytes)
{
	uint8_t raw[9] = {first};

	for (unsigned int i = 0; i < bytes; i++)
		raw[1 + i] = value >> 8 * (bytes - 1 - i);
	out_write(p->out, raw, 1 + bytes);
	if (p->out->n > p->limit)
		fail(p, -EFBIG);
}

/* The count of an array or a map, once it is known. */
static void put_count(struct packer *p, size_t at, uint32_t n)
{
	for (unsigned int i = 0; i < 4 && !p->out->status; i++)
		p->out->data[at + 1 + i] = n >> 8 * (3 - i);
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static void pack_id(struct packer *p, size_t len)
{
	uint8_t id[REPORT_ID_BYTES];

	if (len != 2 * sizeof(id)) {
		fail(p, -EINVAL);
		return;
	}
	for (size_t i = 0; i < sizeof(id); i++) {
		int high = hex(p->text[2 * i]), low = hex(p->text[2 * i + 1]);

		if (high < 0 || low < 0) {
			fail(p, -EINVAL);
			return;
		}
		id[i] = high << 4 | low;
	}
	put(p, BIN8, sizeof(id), 1);
	out_write(p->out, id, sizeof(id));
}

/* Behind the first quote. */
static void pack_string(struct packer *p, const struct wire_field *f)
{
	long len = json_scan_string(&p->in, p->text);

	if (len < 0) {
		fail(p, -EINVAL);
	} else if (f && f->kind == WIRE_ID) {
		pack_id(p, len);
	} else {
		put(p, STR32, len, 4);
		out_write(p->out, p->text, len);
	}
}

static void put_float(struct packer *p, double value)
{
	uint64_t raw;

	memcpy(&raw, &value, sizeof(raw));
	put(p, FLOAT64, raw, 8);
}

/* Whole numbers exactly, as far as 64 bits go: times are ns since the epoch. */
static void pack_number(struct packer *p)
{
	bool whole, minus = *p->in.at == '-';
	const char *end = json_scan_number(&p->in, &whole);
	size_t len = end ? end - p->in.at : 0;
	unsigned long long value = 0;
	char text[64];

	if (!end || len >= sizeof(text)) {
		fail(p, -EINVAL);
		return;
	}
	memcpy(text, p->in.at, len);
	text[len] = '\0';
	p->in.at = end;
	errno = 0;
	if (whole)
		value = strtoull(text + minus, NULL, 10);
	if (!whole || errno || (minus && value > 1ull << 63))
		put_float(p, strtod(text, NULL));
	else if (minus && value)
		put(p, INT64, -value, 8);
	else if (value < 0x80)
		put(p, value, 0, 0);
	else
		put(p, UINT64, value, 8);
}

/* The field of the next member, whose name is packed; NULL is one that nobody knows. */
static const struct wire_field *pack_name(struct packer *p, const struct wire_type *type)
{
	long len;

	if (!json_scan_take(&p->in, '"')) {
		fail(p, -EINVAL);
		return NULL;
	}
	len = json_scan_string(&p->in, p->text);
	if (len < 0 || !json_scan_take(&p->in, ':')) {
		fail(p, -EINVAL);
		return NULL;
	}
	put(p, STR32, len, 4);
	out_write(p->out, p->text, len);
	return type ? wire_find(type, p->text, len) : NULL;
}

/* Behind the opening bracket. What an array holds is of the array's own field: a column. */
static void pack_members(struct packer *p, const struct wire_type *type,
			 const struct wire_field *field, bool map, unsigned int depth)
{
	char close = map ? '}' : ']';
	size_t at = p->out->n;
	uint32_t n = 0;

	put(p, map ? MAP32 : ARRAY32, 0, 4);
	if (depth >= JSON_PACK_DEPTH_MAX)
		fail(p, -EFBIG);
	if (json_scan_take(&p->in, close))
		return;
	while (!p->status && !p->out->status) {
		const struct wire_field *f = map ? pack_name(p, type) : field;

		if (p->status)
			return;
		pack_value(p, map ? (f && f->kind == WIRE_NEST ? f->type : NULL) : type, f,
			   depth + 1);
		n++;
		if (json_scan_take(&p->in, close))
			break;
		if (!json_scan_take(&p->in, ','))
			fail(p, -EINVAL);
	}
	put_count(p, at, n);
}

static void pack_word(struct packer *p, const struct wire_field *f)
{
	if (json_scan_word(&p->in, "true"))
		put(p, TRUE, 0, 0);
	else if (json_scan_word(&p->in, "false"))
		put(p, FALSE, 0, 0);
	else if (!json_scan_word(&p->in, "null"))
		fail(p, -EINVAL);
	else if (f && f->kind == WIRE_F64)
		put_float(p, NAN);
	else
		put(p, NIL, 0, 0);
}

static void pack_value(struct packer *p, const struct wire_type *type, const struct wire_field *f,
		       unsigned int depth)
{
	if (p->status)
		return;
	if (json_scan_take(&p->in, '{'))
		pack_members(p, type, NULL, true, depth);
	else if (json_scan_take(&p->in, '['))
		pack_members(p, type, f, false, depth);
	else if (json_scan_take(&p->in, '"'))
		pack_string(p, f);
	else if (p->in.at < p->in.end && (*p->in.at == '-' || hex(*p->in.at) >= 0) &&
		 *p->in.at <= '9')
		pack_number(p);
	else
		pack_word(p, f);
}

int json_pack(const char *text, size_t len, const struct wire_type *type, size_t limit,
	      struct out *out, size_t *ret_at)
{
	struct packer p = {
		.in = {text, text + len}, .out = out, .text = malloc(len + 1), .limit = limit};

	if (!p.text)
		return -ENOMEM;
	pack_value(&p, type, NULL, 0);
	json_scan_take(&p.in, '\0'); /* blanks */
	if (!p.status && p.in.at != p.in.end)
		fail(&p, -EINVAL);
	free(p.text);
	*ret_at = p.in.at - text;
	return out->status ? out->status : p.status;
}
