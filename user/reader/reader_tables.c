// SPDX-License-Identifier: BSD-2-Clause
/* The tool's side of asking for an unwind table. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/lib/unwind/unwind_table.h"
#include "user/reader/reader_entry.h"

struct table_call {
	void *block;
	size_t bytes;
};

/*
 * The child may be in an enemy's hands by now, and could change what it shares: so the block is
 * copied first and checked then. An answer without a descriptor: the file has no table.
 */
static int take_table(void *arg, const void *payload, size_t size, int fd)
{
	struct table_call *t = arg;
	struct stat st;
	int err = -EPROTO;

	if (fd < 0)
		return 0;
	if (!t->block && !fstat(fd, &st) && st.st_size > 0 && st.st_size <= UNWIND_TABLE_MOST_BYTES) {
		t->bytes = (size_t)st.st_size;
		t->block = malloc(t->bytes);
		if (t->block && pread(fd, t->block, t->bytes, 0) == (ssize_t)t->bytes &&
		    !unwind_table_check(t->block, t->bytes))
			err = 0;
	}
	close(fd);
	return err;
}

int reader_table(struct reader *r, uint32_t file, void **ret_block, size_t *ret_bytes)
{
	struct entry *e = reader_entry(r, file);
	struct table_call t = {0};
	enum reader_reason reason;

	if (!e)
		return -EINVAL;
	if (e->bad)
		return reader_fail(r, e->bad);
	e->last_use = ++r->clock;
	r->request->kind = READER_TABLE;
	r->request->n = 0;
	r->request->where.kind = e->kind;
	reason = reader_call(r, &e->where, e->fd, READER_SYMBOLS_MS, take_table, &t);
	if (reason == READER_NONE && t.block) {
		*ret_block = t.block;
		*ret_bytes = t.bytes;
		return 0;
	}
	free(t.block);
	if (reason == READER_NONE)
		return -ENODATA;
	if (reader_is_files_fault(reason))
		e->bad = reason;
	return reader_fail(r, reason);
}
