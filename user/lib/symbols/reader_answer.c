// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/symbols/reader_proto.h"

#include <errno.h>
#include <string.h>

#include "user/lib/symbols/symbol_text.h"

_Static_assert(sizeof(struct reader_answer) == 24, "reader_answer has no holes");
_Static_assert(sizeof(struct reader_record) == 24, "reader_record has no holes");
_Static_assert(sizeof(struct reader_request) + READER_ADDRESSES_MAX * sizeof(uint64_t) <=
		       READER_PACKET_MAX,
	       "a request fits a packet");

#define READER_REASON_ROW(name, error, text) {error, text},
static const struct {
	int error;
	const char *text;
} reasons[] = {READER_REASONS(READER_REASON_ROW)};
#undef READER_REASON_ROW

const char *reader_reason_text(enum reader_reason reason)
{
	return reason < READER_REASON_N ? reasons[reason].text : "reader answered nonsense";
}

int reader_reason_error(enum reader_reason reason)
{
	return reason < READER_REASON_N ? -reasons[reason].error : -EPROTO;
}

bool reader_reason_is_childs(enum reader_reason reason)
{
	return reason < READER_REASON_N && reason != READER_TIMED_OUT && reason != READER_DIED &&
	       reason != READER_BAD_ANSWER && reason != READER_NO_TIME &&
	       reason != READER_LINES_DIED;
}

size_t reader_record_bytes(const struct reader_record *r)
{
	size_t n = sizeof(*r) + (size_t)r->name_len + r->symbol_len + r->file_len + 3;

	return (n + 7) & ~(size_t)7;
}

int reader_answer_check(const void *packet, size_t size, uint32_t kind, uint64_t serial,
			const struct reader_answer **ret)
{
	const struct reader_answer *a = packet;

	if (size < sizeof(*a) || size > READER_PACKET_MAX || a->bytes != size - sizeof(*a) ||
	    a->kind != kind || a->serial != serial || !reader_reason_is_childs(a->reason) ||
	    a->more > 1)
		return -EPROTO;
	*ret = a;
	return 0;
}

int reader_identity_check(const void *payload, size_t size, struct reader_identity *ret)
{
	struct reader_identity id;

	if (size != sizeof(id))
		return -EPROTO;
	memcpy(&id, payload, sizeof(id));
	if (id.build_id_size > sizeof(id.build_id) || id.n_loads > ELF_IMAGE_LOADS_MAX ||
	    id.is64 > 1 || id.remote > 1 || id.machine > UINT16_MAX ||
	    id.size > READER_FILE_BYTES_MAX)
		return -EPROTO;
	*ret = id;
	return 0;
}

/* The text at *p, `len` long, its zero included in what *p moves over. */
static const char *take_text(const char **p, size_t len)
{
	const char *text = *p;

	*p += len + 1;
	return text[len] == '\0' && symbol_text_valid(text, len) ? text : NULL;
}

int reader_record_next(const void *payload, size_t size, uint32_t n, size_t *at, int64_t *last,
		       struct reader_frame *ret)
{
	const char *p = (const char *)payload + *at;
	struct reader_frame frame;
	struct reader_record r;

	if (*at == size)
		return 0;
	if (*at > size || size - *at < sizeof(r))
		return -EPROTO;
	memcpy(&r, p, sizeof(r));
	if (reader_record_bytes(&r) > size - *at || r.index >= n || (int64_t)r.index < *last ||
	    r.name_len == 0 || (r.flags & ~READER_RECORD_INLINED))
		return -EPROTO;
	p += sizeof(r);
	frame = (struct reader_frame){
		.start = r.start, .index = r.index, .line = r.line, .flags = r.flags};
	frame.name = take_text(&p, r.name_len);
	frame.symbol = take_text(&p, r.symbol_len);
	frame.file = take_text(&p, r.file_len);
	if (!frame.name || !frame.symbol || !frame.file)
		return -EPROTO;
	*at += reader_record_bytes(&r);
	*last = r.index;
	*ret = frame;
	return 1;
}
