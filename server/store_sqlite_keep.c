// SPDX-License-Identifier: BSD-2-Clause
#include "server/store_sqlite.h"

/* Beside as many as have come since the step before. */
#define STEP_REPORTS 32
#define STEP_BEATS 2000
#define STEP_PAGES 256
/* Part of the file that may be free before it is given back to the file system. */
#define FREE_PART 8

static int in_use(struct sqlite_store *s, uint64_t *ret_bytes, bool *ret_sparse)
{
	int64_t pages, free_pages, page_bytes;

	if (sqlite_number(s->db, "PRAGMA page_count", &pages) ||
	    sqlite_number(s->db, "PRAGMA freelist_count", &free_pages) ||
	    sqlite_number(s->db, "PRAGMA page_size", &page_bytes))
		return -1;
	*ret_bytes = (pages - free_pages) * page_bytes;
	*ret_sparse = free_pages > STEP_PAGES && free_pages > pages / FREE_PART;
	return 0;
}

/* How many bytes there are to free, and what a report holds on average with its names. What names
 * take that are going to be swept is no reason to drop reports. 0 or -1. */
static int weigh(struct sqlite_store *s, uint64_t bytes, uint64_t most, uint64_t *ret_over,
		 uint64_t *ret_average)
{
	int64_t reports;
	double due;

	*ret_over = *ret_average = 0;
	if (!most || bytes <= most)
		return 0;
	if (collect_due(s, &due, &reports))
		return -1;
	bytes -= bytes * due;
	if (bytes > most && reports) {
		*ret_over = bytes - most;
		*ret_average = bytes / reports;
	}
	return 0;
}

/* A few of the oldest reports, by arrival, since an agent's clock may be wrong: until so many bytes
 * are or will be free, of which it takes those. 1 where there may be more, 0 or -1. */
static int drop_few(struct sqlite_store *s, int64_t since_ns, uint64_t average, uint64_t *bytes,
		    uint64_t *dropped)
{
	sqlite3_stmt *st = s->sql[SQL_OLDEST];
	int64_t seqs[STEP_REPORTS];
	int n = 0, status;

	sqlite3_bind_int64(st, 1, since_ns);
	sqlite3_bind_int64(st, 2, STEP_REPORTS);
	while ((status = sqlite3_step(st)) == SQLITE_ROW && *bytes) {
		uint64_t own = sqlite3_column_int64(st, 1), freed = own > average ? own : average;

		seqs[n++] = sqlite3_column_int64(st, 0);
		*bytes -= freed < *bytes ? freed : *bytes;
	}
	sqlite3_reset(st);
	if (status != SQLITE_DONE && status != SQLITE_ROW)
		return -1;
	for (int i = 0; i < n; i++)
		if (sqlite_drop(s, seqs[i]))
			return -1;
	*dropped += n;
	return n == STEP_REPORTS;
}

static int drop_oldest(struct sqlite_store *s, int64_t since_ns, uint64_t average, uint64_t bytes,
		       uint64_t *dropped)
{
	int more = 1;

	for (int64_t i = 0; i <= s->came && more > 0; i += STEP_REPORTS)
		more = drop_few(s, since_ns, average, &bytes, dropped);
	s->came = 0;
	if (more >= 0 && *dropped && sqlite_step(s, SQL_DROP_BLOCKS))
		return -1;
	return more;
}

/* 1 where there may be more, 0 or -1. */
static int drop_beats(struct sqlite_store *s, int64_t since_ns)
{
	sqlite3_stmt *st = s->sql[SQL_DROP_BEATS];

	sqlite3_bind_int64(st, 1, since_ns);
	sqlite3_bind_int64(st, 2, STEP_BEATS);
	if (sqlite_step(s, SQL_DROP_BEATS))
		return -1;
	return sqlite3_changes(s->db) == STEP_BEATS;
}

int sqlite_keep(struct store *store, const struct store_keep *keep, uint64_t *ret_dropped,
		char error[STORE_ERROR_BYTES])
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	uint64_t bytes, over, average, dropped = 0;
	int more = -1, beats = 0, names = 0, status;
	bool sparse;

	*ret_dropped = 0;
	if (in_use(s, &bytes, &sparse) || weigh(s, bytes, keep->bytes, &over, &average))
		return sqlite_fail(s->db, error);
	if (sqlite_step(s, SQL_BEGIN))
		return sqlite_fail(s->db, error);
	if (over)
		more = drop_oldest(s, INT64_MAX, average, over, &dropped);
	else
		more = drop_oldest(s, keep->reports_since_ns, 0, UINT64_MAX, &dropped);
	if (more >= 0)
		beats = drop_beats(s, keep->beats_since_ns);
	if (more >= 0 && beats >= 0)
		names = collect_step(s);
	if (more < 0 || beats < 0 || names < 0 || sqlite_step(s, SQL_COMMIT)) {
		status = sqlite_fail(s->db, error);
		sqlite_rollback(s);
		return status;
	}
	*ret_dropped = dropped;
	/* In steps as well: each moves that many pages at most. */
	if (sparse && sqlite3_exec(s->db, "PRAGMA incremental_vacuum(256)", NULL, NULL, NULL))
		return sqlite_fail(s->db, error);
	return more || beats || names || sparse;
}
