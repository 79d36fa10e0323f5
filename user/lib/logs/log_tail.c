// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/logs/log_tail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/lib/base/utf8.h"

#define ESCAPE '\033'
#define ESCAPE_BYTES_MAX 64 /* a longer one isn't one */

/* The lines of a file, one after the other. */
struct walk {
	const struct log_data *data;
	const struct log_want *want;
	struct log_clock clock;
	const char *next;
	/* the line at hand */
	const char *text;
	size_t len;
	uint64_t before; /* bytes of it that were not read */
	int64_t t_ns;	 /* of it or of the last one that had a time, or 0 */
	bool timed;
	/* of the first line that has one: what stands before it is no younger */
	int64_t first_ns;
};

/* Bytes of a sequence for terminals (ECMA-48 CSI, or a title) at `p`, or 0. */
static size_t escape_bytes(const char *p, size_t left)
{
	size_t n = left < ESCAPE_BYTES_MAX ? left : ESCAPE_BYTES_MAX;

	if (n < 2 || p[0] != ESCAPE)
		return 0;
	for (size_t i = 2; p[1] == '[' && i < n; i++)
		if (p[i] >= 0x40 && p[i] <= 0x7e)
			return i + 1;
	for (size_t i = 2; p[1] == ']' && i < n; i++)
		if (p[i] == '\a' || (p[i] == '\\' && p[i - 1] == ESCAPE))
			return i + 1;
	return 0;
}

/* Bytes of the character at `p`, 0 where it can't be in a report. */
static size_t character_bytes(const char *p, size_t left)
{
	const unsigned char *c = (const unsigned char *)p;

	if (c[0] < 0x20 || c[0] == 0x7f || (left > 1 && c[0] == 0xc2 && c[1] < 0xa0))
		return 0;
	return utf8_step(p, left);
}

size_t log_line_clean(const char *line, size_t len, uint64_t before, char ret[LOG_TEXT_BYTES],
		      struct log_counts *counts)
{
	size_t n = 0, most, i = 0;

	if (before)
		n = (size_t)snprintf(ret, 40, "[%" PRIu64 " bytes] \xe2\x80\xa6", before);
	most = n + LOG_LINE_BYTES;
	while (len && line[len - 1] == '\r')
		len--;
	while (i < len) {
		size_t bytes = escape_bytes(line + i, len - i);

		if (bytes) {
			i += bytes;
			continue;
		}
		bytes = character_bytes(line + i, len - i);
		if (n + (bytes ? bytes : strlen(UTF8_REPLACEMENT)) > most)
			break;
		if (bytes) {
			memcpy(ret + n, line + i, bytes);
			n += bytes;
		} else if (line[i] == '\t') {
			ret[n++] = ' ';
		} else {
			memcpy(ret + n, UTF8_REPLACEMENT, strlen(UTF8_REPLACEMENT));
			n += strlen(UTF8_REPLACEMENT);
			counts->bytes_replaced++;
		}
		i += bytes ? bytes : 1;
	}
	if (i < len)
		n += (size_t)snprintf(ret + n, LOG_TEXT_BYTES - n, "\xe2\x80\xa6 [%zu bytes]", len - i);
	ret[n] = '\0';
	counts->lines_cut += i < len || before;
	counts->bytes_left_out += len - i + before;
	return n;
}

/* Where the data begins within a line that line is left out, unless it is the only one. */
static struct walk walk_begin(const struct log_data *data, const struct log_want *want)
{
	const char *newline = data->before_bytes ? memchr(data->text, '\n', data->size) : NULL;
	struct walk w = {.data = data, .want = want, .clock = want->clock, .next = data->text};

	if (newline && newline + 1 < data->text + data->size)
		w.next = newline + 1;
	else
		w.before = data->before_bytes;
	return w;
}

/* The time of a line; of a program that colours its output, behind the colours. */
static bool time_of(struct walk *w, int64_t *ret_ns)
{
	char plain[LOG_TEXT_BYTES];
	struct log_counts unused = {0};
	size_t len = w->len < LOG_LINE_BYTES ? w->len : LOG_LINE_BYTES;

	if (w->before)
		return false;
	if (!memchr(w->text, ESCAPE, len))
		return log_time_find(w->text, len, &w->clock, ret_ns);
	len = log_line_clean(w->text, len, 0, plain, &unused);
	return log_time_find(plain, len, &w->clock, ret_ns);
}

static bool walk_next(struct walk *w)
{
	const char *end = w->data->text + w->data->size;

	if (w->next == end)
		return false;
	if (w->text)
		w->before = 0;
	const char *newline = memchr(w->next, '\n', end - w->next);

	w->text = w->next;
	w->len = (newline ? newline : end) - w->next;
	w->next = newline ? newline + 1 : end;
	w->timed = time_of(w, &w->t_ns);
	if (w->timed) {
		w->clock.last_ns = w->t_ns;
		w->first_ns = w->first_ns ? w->first_ns : w->t_ns;
	}
	return true;
}

static bool is_wanted(const struct walk *w, int64_t first_ns)
{
	int64_t t_ns = w->t_ns ? w->t_ns : first_ns ? first_ns : w->data->mtime_ns;

	return t_ns >= w->want->since_ns;
}

/* Twice over the text: which are the last ones is known only when all have been seen. */
int log_tail(const struct log_data *data, const struct log_want *want, log_line_fn *fn, void *arg,
	     struct log_counts *ret)
{
	struct walk w = walk_begin(data, want);
	char text[LOG_TEXT_BYTES];
	uint64_t wanted = 0, head = 0, skip;
	bool is_head_wanted = false;
	int err = 0;

	*ret = (struct log_counts){0};
	for (; walk_next(&w); ret->timed += w.timed) {
		head += !w.first_ns;
		wanted += w.first_ns && is_wanted(&w, w.first_ns);
	}
	int64_t first_ns = w.first_ns;

	is_head_wanted = (first_ns ? first_ns : data->mtime_ns) >= want->since_ns;
	wanted += is_head_wanted ? head : 0;
	skip = wanted > want->lines_max ? wanted - want->lines_max : 0;
	ret->lines_left_out = skip;
	w = walk_begin(data, want);
	/* Within the time there is more than may be read at once. */
	if (is_head_wanted && !w.before)
		ret->bytes_left_out = data->before_bytes;
	while (!err && walk_next(&w)) {
		if (!is_wanted(&w, first_ns) || (skip && skip--))
			continue;
		size_t len = log_line_clean(w.text, w.len, w.before, text, ret);

		ret->lines++;
		err = fn(arg, w.t_ns, text, len);
	}
	return err;
}
