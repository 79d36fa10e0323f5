// SPDX-License-Identifier: BSD-2-Clause
#include "server/body.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/pack.h"
#include "user/lib/base/array.h"
#include "user/lib/profile/codec.h"
#include "user/lib/profile/json_pack.h"
#include "user/lib/profile/wire.h"

struct reading {
	const struct limits *limits;
	const struct body_memory *memory;
	struct parcel *parcel;
	struct answer *answer;
	uint64_t held; /* of `memory`, for what was unpacked */
};

int body_type(const char *content_type, bool *ret_json)
{
	static const struct {
		const char *name;
		bool json;
	} types[] = {
		{"application/json", true},
		{"application/vnd.msgpack", false},
		{"application/msgpack", false},
		{"application/x-msgpack", false},
		{"application/octet-stream", false},
		/* What curl says of --data-binary. */
		{"application/x-www-form-urlencoded", false},
	};
	size_t len = content_type ? strcspn(content_type, "; \t") : 0;

	*ret_json = false;
	if (!len)
		return 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i].name) == len &&
		    !strncasecmp(types[i].name, content_type, len)) {
			*ret_json = types[i].json;
			return 0;
		}
	return -EINVAL;
}

static bool hold(void *ctx, uint64_t bytes)
{
	struct reading *r = ctx;

	if (!r->memory->hold(r->memory->ctx, bytes))
		return false;
	r->held += bytes;
	return true;
}

static int refuse(struct reading *r, int err, const char *what)
{
	if (err == -EFBIG)
		answer_error(r->answer, 413, "%s", what);
	else if (err == -ENOMEM)
		answer_error(r->answer, 503, "out of memory");
	else if (err == -EAGAIN)
		answer_error(r->answer, 503, "too many bodies are being unpacked");
	else
		answer_error(r->answer, 400, "%s", what);
	return -EINVAL;
}

static int unpack(struct reading *r, const uint8_t *data, size_t size, struct out *out)
{
	char what[96];
	int err = pack_inflate(data, size, r->limits->unpacked_bytes, hold, r, out);

	if (!err)
		return 0;
	snprintf(what, sizeof(what),
		 err == -EFBIG ? "unpacks to over %llu bytes, the limit"
			       : "not gzip, or damaged, or more follows it",
		 (unsigned long long)r->limits->unpacked_bytes);
	return refuse(r, err, what);
}

/* Takes `bytes`, also when it fails. `at` is the report's place in a batch, or -1. */
static int add_item(struct reading *r, const struct report *report, void *bytes, size_t size,
		    int64_t at)
{
	static const uint8_t none[REPORT_ID_BYTES];
	struct parcel *p = r->parcel;
	struct digest *digest;
	char place[40] = "";

	if (at >= 0)
		snprintf(place, sizeof(place), "reports[%lld]: ", (long long)at);
	if (!memcmp(report->id, none, sizeof(none))) {
		free(bytes);
		answer_error(r->answer, 422, "%sthe report has no id", place);
		return -EINVAL;
	}
	if (array_reserve((void **)&p->items, &p->cap, p->n, 1, sizeof(*p->items)) ||
	    digest_report(report, r->limits, &digest)) {
		free(bytes);
		return refuse(r, -ENOMEM, "");
	}
	p->items[p->n++] = (struct store_item){.digest = digest, .bytes = bytes, .size = size};
	p->bytes += digest->bytes + size;
	p->dropped += digest->dropped;
	return 0;
}

/* The bytes to store: those that came where they are a .bdr. NULL without memory. */
static void *stored_bytes(const uint8_t *bdr, size_t bdr_n, const uint8_t *data, size_t size,
			  size_t *ret_size)
{
	struct out packed;
	void *copy;

	if (bdr) {
		*ret_size = bdr_n;
		copy = malloc(bdr_n);
		return copy ? memcpy(copy, bdr, bdr_n) : NULL;
	}
	out_init(&packed, -1);
	if (pack_deflate(data, size, &packed))
		out_release(&packed);
	*ret_size = packed.n;
	return packed.data;
}

/* One report as MessagePack; `bdr` is how it came, or NULL. */
static int read_report(struct reading *r, const uint8_t *bdr, size_t bdr_n, const uint8_t *data,
		       size_t size, int64_t at)
{
	char error[CODEC_ERROR_BYTES], what[CODEC_ERROR_BYTES + 40];
	struct report_limits limits;
	struct report report;
	size_t stored;
	void *copy;
	int err;

	/* The decoder takes gzip as well: a report that is packed twice is none. */
	if (pack_is_gzip(data, size))
		return refuse(r, -EINVAL, "it is compressed twice");
	limits_of_report(r->limits, &limits);
	err = report_decode(data, size, &limits, &report, error);
	if (err) {
		snprintf(what, sizeof(what), at < 0 ? "%s" : "%s (reports[%lld])", error,
			 (long long)at);
		return refuse(r, err, what);
	}
	copy = stored_bytes(bdr, bdr_n, data, size, &stored);
	err = copy ? add_item(r, &report, copy, stored, at) : refuse(r, -ENOMEM, "");
	report_release(&report);
	return err;
}

static int read_batch(struct reading *r, const uint8_t *data, size_t size)
{
	uint64_t n;
	size_t at = pack_array(data, size, &n);
	char what[96];

	if (!at)
		return refuse(r, -EINVAL, "neither a report nor an array of reports");
	if (n > r->limits->batch_reports) {
		snprintf(what, sizeof(what), "a batch of %llu reports, the limit is %llu",
			 (unsigned long long)n, (unsigned long long)r->limits->batch_reports);
		return refuse(r, -EFBIG, what);
	}
	for (uint64_t i = 0; i < n; i++) {
		size_t bytes = pack_value_size(data + at, size - at);

		if (!bytes)
			return refuse(r, -EINVAL, "cut short: the batch ends in the middle");
		if (read_report(r, NULL, 0, data + at, bytes, (int64_t)i))
			return -EINVAL;
		at += bytes;
	}
	return at == size ? 0 : refuse(r, -EINVAL, "more follows the batch");
}

/* MessagePack that isn't compressed any more; `bdr` is how it came, or NULL. */
static int read_bare(struct reading *r, const uint8_t *bdr, size_t bdr_n, const uint8_t *data,
		     size_t size)
{
	if (size && ((data[0] & 0xf0) == 0x90 || data[0] == 0xdc || data[0] == 0xdd))
		return read_batch(r, data, size);
	return read_report(r, bdr, bdr_n, data, size, -1);
}

/* JSON of `type` to MessagePack in `out`, which the caller releases. */
static int pack_json(struct reading *r, const struct wire_type *type, const uint8_t *data,
		     size_t size, struct out *out)
{
	char what[96];
	size_t at;
	int err;

	/* It is charged before it is there: at most 2.5 bytes for one of JSON. */
	if (!hold(r, 3 * size))
		return refuse(r, -EAGAIN, "");
	err = json_pack((const char *)data, size, type, r->limits->unpacked_bytes, out, &at);
	if (!err)
		return 0;
	snprintf(what, sizeof(what),
		 err == -EFBIG ? "the JSON is too deep or too large at byte %zu"
			       : "not JSON as it belongs here at byte %zu",
		 at);
	return refuse(r, err, what);
}

static int read_json(struct reading *r, const uint8_t *data, size_t size)
{
	struct out out;
	int err;

	out_init(&out, -1);
	err = pack_json(r, &wire_report, data, size, &out);
	if (!err)
		err = read_bare(r, NULL, 0, (const uint8_t *)out.data, out.n);
	out_release(&out);
	return err;
}

static int read_body(struct reading *r, bool json, const uint8_t *data, size_t size)
{
	struct out out;
	int err;

	if (!size)
		return refuse(r, -EINVAL, "the body is empty");
	if (!pack_is_gzip(data, size))
		return json ? read_json(r, data, size) : read_bare(r, NULL, 0, data, size);
	out_init(&out, -1);
	err = unpack(r, data, size, &out);
	if (!err)
		err = json ? read_json(r, (uint8_t *)out.data, out.n)
			   : read_bare(r, data, size, (uint8_t *)out.data, out.n);
	out_release(&out);
	return err;
}

int body_read(const struct limits *limits, const struct body_memory *memory, bool json,
	      const uint8_t *data, size_t size, struct parcel *ret, struct answer *answer)
{
	struct parcel parcel = {0};
	struct reading r = {limits, memory, &parcel, answer, 0};
	int err = read_body(&r, json, data, size);

	memory->let_go(memory->ctx, r.held);
	if (err)
		parcel_release(&parcel);
	else
		*ret = parcel;
	return err;
}

void parcel_release(struct parcel *p)
{
	for (size_t i = 0; i < p->n; i++) {
		digest_free((struct digest *)p->items[i].digest);
		free((void *)p->items[i].bytes);
	}
	free(p->items);
	*p = (struct parcel){0};
}

static size_t beats_bytes(const struct heartbeats *h)
{
	/* Columns by their width, texts by a guess. */
	return sizeof(*h) + h->beats.n * 128 + h->clients.n * 64 + h->processes.n * 48 +
	       h->strings.n * 64;
}

static int read_beats(struct reading *r, const uint8_t *data, size_t size, struct heartbeats *ret)
{
	static const uint8_t none[REPORT_ID_BYTES];
	char error[CODEC_ERROR_BYTES];
	struct report_limits limits;
	struct heartbeats h;
	int err;

	limits_of_beats(r->limits, &limits);
	err = heartbeats_decode(data, size, &limits, &h, error);
	if (err)
		return refuse(r, err, error);
	if (!memcmp(h.host, none, sizeof(none))) {
		heartbeats_release(&h);
		answer_error(r->answer, 422, "the heartbeats have no host");
		return -EINVAL;
	}
	*ret = h;
	return 0;
}

int body_read_beats(const struct limits *limits, const struct body_memory *memory, bool json,
		    const uint8_t *data, size_t size, struct heartbeats *ret, size_t *ret_bytes,
		    struct answer *answer)
{
	struct reading r = {limits, memory, NULL, answer, 0};
	struct out text, packed;
	int err = 0;

	out_init(&text, -1);
	out_init(&packed, -1);
	if (!size)
		err = refuse(&r, -EINVAL, "the body is empty");
	if (!err && json && pack_is_gzip(data, size)) {
		err = unpack(&r, data, size, &text);
		data = (const uint8_t *)text.data;
		size = text.n;
	}
	if (!err && json) {
		err = pack_json(&r, &wire_heartbeats, data, size, &packed);
		data = (const uint8_t *)packed.data;
		size = packed.n;
	}
	if (!err)
		err = read_beats(&r, data, size, ret);
	if (!err)
		*ret_bytes = beats_bytes(ret);
	out_release(&text);
	out_release(&packed);
	memory->let_go(memory->ctx, r.held);
	return err;
}
