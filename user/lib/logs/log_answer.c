// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "user/lib/logs/log_proto.h"
#include "user/lib/symbols/symbol_text.h"

_Static_assert(sizeof(struct log_record) == 96, "log_record has no holes");
_Static_assert(sizeof(struct log_query) % sizeof(uint64_t) == 0, "a query stands for addresses");
_Static_assert(sizeof(struct log_query) / sizeof(uint64_t) <= READER_ADDRESSES_MAX,
	       "a query fits a request");

#define LOG_STATE_ROW(name, text) text,
static const char *const states[] = {LOG_STATES(LOG_STATE_ROW)};
#undef LOG_STATE_ROW

const char *log_state_text(enum log_state state)
{
	return state < LOG_STATE_N ? states[state] : states[LOG_FAILED];
}

size_t log_record_bytes(const struct log_record *r)
{
	return (sizeof(*r) + (size_t)r->text_bytes + 1 + 7) & ~(size_t)7;
}

static bool line_makes_sense(const struct log_record *r, const struct log_answer *a)
{
	return r->text_bytes < LOG_TEXT_BYTES && r->t_ns >= 0 && a->lines < a->lines_max;
}

static bool source_makes_sense(const struct log_record *r, const struct log_answer *a)
{
	return r->text_bytes < READER_PATH_MAX && r->text_bytes > 0 && r->state < LOG_STATE_N &&
	       !(r->flags & ~LOG_ROTATED) && r->counts.lines == a->lines &&
	       (r->state == LOG_READ || !a->lines) && a->sources < LOG_SOURCES_MAX;
}

int log_record_next(const void *payload, size_t size, size_t *at, struct log_answer *answer,
		    struct log_record *ret, const char **ret_text)
{
	const char *p = (const char *)payload + *at;
	struct log_record r;

	if (*at == size)
		return 0;
	if (*at > size || size - *at < sizeof(r))
		return -EPROTO;
	memcpy(&r, p, sizeof(r));
	p += sizeof(r);
	if (r.kind >= LOG_RECORD_KIND_N ||
	    !(r.kind == LOG_LINE ? line_makes_sense : source_makes_sense)(&r, answer) ||
	    log_record_bytes(&r) > size - *at || p[r.text_bytes] ||
	    !symbol_text_valid(p, r.text_bytes))
		return -EPROTO;
	if (r.kind == LOG_LINE) {
		answer->lines++;
	} else {
		answer->lines = 0;
		answer->sources++;
	}
	*at += log_record_bytes(&r);
	*ret = r;
	*ret_text = p;
	return 1;
}
