// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which reports have a function: a row for each function of a block of 512 reports in the order of
 * arrival, with a bit for each report. A report has hundreds of functions, and its neighbours have
 * mostly the same: so a commit of many reports writes few rows, all of them at the end of the
 * table.
 */
#include <stdlib.h>
#include <string.h>

#include "server/store_sqlite.h"
#include "user/lib/base/array.h"

void blocks_forget(struct sqlite_store *s)
{
	idmap_release(&s->blocks.row_of);
	memset(&s->blocks.row_of, 0, sizeof(s->blocks.row_of));
	free(s->blocks.rows);
	s->blocks.rows = NULL;
	s->blocks.n = s->blocks.cap = 0;
	s->blocks.block = -1;
}

/* What is on disk of this function and the block; zeroes where nothing is. */
static int load(struct sqlite_store *s, struct block_row *row)
{
	sqlite3_stmt *st = s->sql[SQL_FIND_BLOCK];
	int status;

	sqlite3_bind_int64(st, 1, s->blocks.block);
	sqlite3_bind_int64(st, 2, row->function);
	status = sqlite3_step(st);
	row->on_disk = status == SQLITE_ROW;
	if (row->on_disk && sqlite3_column_bytes(st, 0) == sizeof(row->bits))
		memcpy(row->bits, sqlite3_column_blob(st, 0), sizeof(row->bits));
	sqlite3_reset(st);
	return status == SQLITE_ROW || status == SQLITE_DONE ? 0 : -1;
}

static int row_of(struct sqlite_store *s, uint32_t function, struct block_row **ret)
{
	struct blocks *b = &s->blocks;
	uint64_t key = idmap_mix(function, 0);
	uint32_t at = idmap_get(&b->row_of, key);

	if (at == IDMAP_NONE) {
		if (array_reserve((void **)&b->rows, &b->cap, b->n, 1, sizeof(*b->rows)) ||
		    idmap_set(&b->row_of, key, b->n))
			return -1;
		at = b->n++;
		b->rows[at] = (struct block_row){.function = function};
		if (load(s, &b->rows[at]))
			return -1;
	}
	*ret = &b->rows[at];
	return 0;
}

/* A row that is there is changed in its place, which is half of the work; retention may have taken it. */
static int put(struct sqlite_store *s, const struct block_row *row)
{
	static const enum statement ways[] = {SQL_SET_BLOCK, SQL_PUT_BLOCK};

	for (size_t i = !row->on_disk; i < 2; i++) {
		sqlite3_stmt *st = s->sql[ways[i]];

		sqlite3_bind_int64(st, 1, s->blocks.block);
		sqlite3_bind_int64(st, 2, row->function);
		sqlite3_bind_blob(st, 3, row->bits, sizeof(row->bits), SQLITE_STATIC);
		if (sqlite_step(s, ways[i]))
			return -1;
		if (sqlite3_changes(s->db))
			return 0;
	}
	return -1;
}

int blocks_flush(struct sqlite_store *s)
{
	for (size_t i = 0; i < s->blocks.n; i++) {
		struct block_row *row = &s->blocks.rows[i];

		if (!row->dirty)
			continue;
		if (put(s, row))
			return -1;
		row->dirty = false;
		row->on_disk = true;
	}
	return 0;
}

int blocks_mark(struct sqlite_store *s, int64_t seq, uint32_t function)
{
	struct block_row *row;

	/* Rows that were put away come back from disk when they are needed. */
	if (seq / BLOCK_REPORTS != s->blocks.block || s->blocks.n >= BLOCK_ROWS_MAX) {
		if (blocks_flush(s))
			return -1;
		blocks_forget(s);
		s->blocks.block = seq / BLOCK_REPORTS;
	}
	if (row_of(s, function, &row))
		return -1;
	row->bits[seq % BLOCK_REPORTS / 8] |= 1u << seq % 8;
	row->dirty = true;
	return 0;
}
