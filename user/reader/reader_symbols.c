// SPDX-License-Identifier: BSD-2-Clause
/* Names, on the tool's side of the reader: asked for in pieces, and without lines where these fail.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "user/reader/reader.h"
#include "user/reader/reader_entry.h"

#define LINES_MS 3500 /* of READER_SYMBOLS_MS; the rest is for names without lines */

/* An address and where the caller has it. */
struct wanted {
	uint64_t address;
	size_t index;
};

struct symbols_call {
	const struct wanted *wanted; /* of this request */
	uint32_t n;
	int64_t last;
	reader_symbol_fn *fn;
	void *arg;
};

static int take_records(void *arg, const void *payload, size_t size, int fd)
{
	struct symbols_call *c = arg;
	struct reader_frame f;
	size_t at = 0;
	int more;

	if (fd >= 0)
		close(fd);
	while ((more = reader_record_next(payload, size, c->n, &at, &c->last, &f)) > 0) {
		const struct reader_symbol s = {
			.index = c->wanted[f.index].index,
			.start = f.start,
			.name = f.name,
			.symbol = f.symbol,
			.file = f.file,
			.line = f.line,
			.inlined = f.flags & READER_RECORD_INLINED,
		};

		c->fn(c->arg, &s);
	}
	return more;
}

static int compare_wanted(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* One request's worth from `*at` on, which moves over what has been answered. */
static enum reader_reason ask(struct reader *r, struct entry *e, const struct wanted *wanted,
			      size_t n, bool lines, size_t *at, reader_symbol_fn *fn, void *arg)
{
	struct symbols_call c = {.wanted = wanted + *at, .last = -1, .fn = fn, .arg = arg};
	struct reader_request *q = r->request;
	enum reader_reason reason;

	c.n = n - *at < READER_ADDRESSES_MAX ? (uint32_t)(n - *at) : READER_ADDRESSES_MAX;
	q->kind = READER_SYMBOLS;
	q->n = c.n;
	q->flags = lines ? READER_LINES : 0;
	q->where.kind = e->kind;
	for (uint32_t i = 0; i < c.n; i++)
		q->addresses[i] = c.wanted[i].address;
	reason = reader_call(r, &e->where, e->fd, lines ? LINES_MS : READER_SYMBOLS_MS - LINES_MS,
			     take_records, &c);
	*at += reader_is_files_fault(reason) ? (size_t)(c.last + 1) : c.n;
	return reason;
}

/*
 * Debug information is the most complex thing that is parsed here, and the names don't depend on
 * it: what fails with it is tried without.
 */
static enum reader_reason ask_all(struct reader *r, struct entry *e, const struct wanted *wanted,
				  size_t n, reader_symbol_fn *fn, void *arg)
{
	bool lines = e->kind == READER_ELF && !e->no_lines;
	enum reader_reason reason = READER_NONE;
	size_t at = 0;

	while (at < n && reason == READER_NONE) {
		reason = ask(r, e, wanted, n, lines, &at, fn, arg);
		if (lines && reader_is_files_fault(reason)) {
			reader_fail(r, READER_LINES_DIED);
			e->no_lines = true;
			lines = false;
			reason = READER_NONE;
		} else if (reason == READER_LINES_CUT) {
			reader_fail(r, reason);
			lines = false;
			reason = READER_NONE;
		}
	}
	return reason;
}

int reader_symbols(struct reader *r, uint32_t file, const uint64_t *addresses, size_t n,
		   reader_symbol_fn *fn, void *arg)
{
	struct entry *e = reader_entry(r, file);
	enum reader_reason reason;
	struct wanted *wanted;

	if (!e)
		return -EINVAL;
	if (e->bad)
		return reader_fail(r, e->bad);
	wanted = malloc((n + 1) * sizeof(*wanted));
	if (!wanted)
		return reader_fail(r, READER_MEMORY);
	for (size_t i = 0; i < n; i++)
		wanted[i] = (struct wanted){addresses[i], i};
	qsort(wanted, n, sizeof(*wanted), compare_wanted);
	e->last_use = ++r->clock;
	reason = ask_all(r, e, wanted, n, fn, arg);
	free(wanted);
	if (reader_is_files_fault(reason))
		e->bad = reason;
	return reader_fail(r, reason);
}
