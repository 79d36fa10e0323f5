// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store_sqlite.h"
#include "user/lib/base/out.h"

/* Reports that have one of some functions: a bitmap for each block, by its number. */
struct marked {
	int64_t first;
	size_t blocks;
	uint8_t (*bits)[BLOCK_REPORTS / 8];
};

#define MARKED_TYPE "backdraft marked"

static void marked_release(void *marked)
{
	struct marked *m = marked;

	if (m)
		free(m->bits);
	free(m);
}

/* marked(SET, SEQ) in SQL. */
static void sql_marked(sqlite3_context *ctx, int n, sqlite3_value **values)
{
	const struct marked *m = sqlite3_value_pointer(values[0], MARKED_TYPE);
	int64_t seq = sqlite3_value_int64(values[1]), block = seq / BLOCK_REPORTS;

	if (!m || block < m->first || block - m->first >= (int64_t)m->blocks)
		sqlite3_result_int(ctx, 0);
	else
		sqlite3_result_int(
			ctx, m->bits[block - m->first][seq % BLOCK_REPORTS / 8] >> seq % 8 & 1);
}

/* A million reports are 2,000 blocks: a look-up in each for each function of that name. */
static const char marked_sql[] =
	"WITH RECURSIVE b(block) AS (SELECT ?2 UNION ALL SELECT block + 1 FROM b WHERE block < ?3)"
	" SELECT b.block, x.bits FROM functions f CROSS JOIN b CROSS JOIN function_blocks x"
	" ON x.block = b.block AND x.function = f.id WHERE f.name = ?1";

static int mark(sqlite3 *db, const char *function, struct marked *m)
{
	int64_t last;
	sqlite3_stmt *st;
	int status;

	if (sqlite_number(db, "SELECT coalesce(min(block), 0) FROM function_blocks", &m->first) ||
	    sqlite_number(db, "SELECT coalesce(max(block), 0) FROM function_blocks", &last))
		return -1;
	m->blocks = last - m->first + 1;
	m->bits = calloc(m->blocks, sizeof(*m->bits));
	if (!m->bits || sqlite3_prepare_v2(db, marked_sql, -1, &st, NULL))
		return -1;
	sqlite3_bind_text(st, 1, function, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, m->first);
	sqlite3_bind_int64(st, 3, last);
	while ((status = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t block = sqlite3_column_int64(st, 0);
		const uint8_t *bits = sqlite3_column_blob(st, 1);

		for (int i = 0; bits && i < sqlite3_column_bytes(st, 1) && i < BLOCK_REPORTS / 8;
		     i++)
			m->bits[block - m->first][i] |= bits[i];
	}
	sqlite3_finalize(st);
	return status == SQLITE_DONE ? 0 : -1;
}

static const char select_sql[] =
	"SELECT r.seq, r.id, h.host, r.incomplete, r.created_ns, r.received_ns, r.start_ns,"
	" r.trigger_ns, r.end_ns, (SELECT text FROM texts WHERE id = r.kind),"
	" (SELECT text FROM texts WHERE id = r.client), (SELECT text FROM texts WHERE id = "
	"r.version),"
	" (SELECT text FROM texts WHERE id = r.metric), r.explanation,"
	" (SELECT text FROM texts WHERE id = r.label), r.value, r.expected, r.threshold, r.bytes,"
	" r.samples, r.cpu_ns FROM reports r LEFT JOIN hosts h ON h.id = r.host WHERE 1";

/* Parts of WHERE; which stand there follows from the query. */
#define NAMED(column) " AND r." #column " = (SELECT id FROM texts WHERE text = :" #column ")"

static void write_sql(const struct store_query *q, struct out *sql)
{
	const struct {
		bool asked;
		const char *sql;
	} parts[] = {
		{q->client, NAMED(client)},
		{q->kind, NAMED(kind)},
		{q->version, NAMED(version)},
		{q->label, NAMED(label)},
		{q->has_host, " AND r.host = (SELECT id FROM hosts WHERE host = :host)"},
		{q->since_ns, " AND r.created_ns >= :since"},
		{q->until_ns, " AND r.created_ns < :until"},
		{q->has_cursor, " AND (r.created_ns, r.seq) < (:cursor_ns, :cursor_seq)"},
		{q->function, " AND marked(:marked, r.seq)"},
		{true, " ORDER BY r.created_ns DESC, r.seq DESC LIMIT :limit"},
	};

	out_text(sql, select_sql);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].asked)
			out_text(sql, parts[i].sql);
	out_char(sql, '\0');
}

static void bind_text(sqlite3_stmt *st, const char *name, const char *text)
{
	int at = text ? sqlite3_bind_parameter_index(st, name) : 0;

	if (at)
		sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
}

static void bind_number(sqlite3_stmt *st, const char *name, int64_t value)
{
	int at = sqlite3_bind_parameter_index(st, name);

	if (at)
		sqlite3_bind_int64(st, at, value);
}

static void bind(sqlite3_stmt *st, const struct store_query *q, struct marked *m)
{
	int at;

	bind_text(st, ":client", q->client);
	bind_text(st, ":kind", q->kind);
	bind_text(st, ":version", q->version);
	bind_text(st, ":label", q->label);
	bind_number(st, ":since", q->since_ns);
	bind_number(st, ":until", q->until_ns);
	bind_number(st, ":cursor_ns", q->cursor_ns);
	bind_number(st, ":cursor_seq", q->cursor_seq);
	bind_number(st, ":limit", q->limit ? (int64_t)q->limit : -1);
	at = sqlite3_bind_parameter_index(st, ":host");
	if (at)
		sqlite3_bind_blob(st, at, q->host, sizeof(q->host), SQLITE_STATIC);
	at = sqlite3_bind_parameter_index(st, ":marked");
	if (at)
		sqlite3_bind_pointer(st, at, m, MARKED_TYPE, NULL);
}

static const char *text_of(sqlite3_stmt *st, int at)
{
	const unsigned char *text = sqlite3_column_text(st, at);

	return text ? (const char *)text : "";
}

static void copy_id(sqlite3_stmt *st, int at, uint8_t *ret)
{
	if (sqlite3_column_bytes(st, at) == REPORT_ID_BYTES)
		memcpy(ret, sqlite3_column_blob(st, at), REPORT_ID_BYTES);
}

static void read_row(sqlite3_stmt *st, struct store_row *row)
{
	*row = (struct store_row){
		.seq = sqlite3_column_int64(st, 0),
		.has_host = sqlite3_column_type(st, 2) == SQLITE_BLOB,
		.incomplete = sqlite3_column_int(st, 3),
		.created_ns = sqlite3_column_int64(st, 4),
		.received_ns = sqlite3_column_int64(st, 5),
		.start_ns = sqlite3_column_int64(st, 6),
		.trigger_ns = sqlite3_column_int64(st, 7),
		.end_ns = sqlite3_column_int64(st, 8),
		.kind = text_of(st, 9),
		.client = text_of(st, 10),
		.version = text_of(st, 11),
		.metric = text_of(st, 12),
		.explanation = text_of(st, 13),
		.label = text_of(st, 14),
		.value = sqlite3_column_double(st, 15),
		.expected = sqlite3_column_double(st, 16),
		.threshold = sqlite3_column_double(st, 17),
		.bytes = sqlite3_column_int64(st, 18),
		.samples = sqlite3_column_int64(st, 19),
		.cpu_ns = sqlite3_column_int64(st, 20),
	};
	copy_id(st, 1, row->id);
	copy_id(st, 2, row->host);
}

static int run(sqlite3 *db, const struct store_query *q, struct marked *m,
	       int (*row)(void *ctx, const struct store_row *row), void *ctx,
	       char error[STORE_ERROR_BYTES])
{
	sqlite3_stmt *st = NULL;
	struct store_row one;
	struct out sql;
	int status, stop = 0;

	out_init(&sql, -1);
	write_sql(q, &sql);
	status = sql.status ? SQLITE_NOMEM : sqlite3_prepare_v2(db, sql.data, -1, &st, NULL);
	out_release(&sql);
	if (status)
		return sqlite_fail(db, error);
	bind(st, q, m);
	while ((status = sqlite3_step(st)) == SQLITE_ROW && !stop) {
		read_row(st, &one);
		stop = row(ctx, &one);
	}
	if (status != SQLITE_ROW && status != SQLITE_DONE)
		stop = sqlite_fail(db, error);
	sqlite3_finalize(st);
	return stop;
}

int sqlite_list(struct store *store, const struct store_query *q,
		int (*row)(void *ctx, const struct store_row *row), void *ctx,
		char error[STORE_ERROR_BYTES])
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	sqlite3 *db = sqlite_reader(s, error);
	struct marked *m = q->function ? calloc(1, sizeof(*m)) : NULL;
	int status;

	if (!db || (q->function && !m)) {
		marked_release(m);
		if (db)
			sqlite_reader_done(s, db);
		return db ? -ENOMEM : -EIO;
	}
	if (m &&
	    (sqlite3_create_function(db, "marked", 2, SQLITE_UTF8, NULL, sql_marked, NULL, NULL) ||
	     mark(db, q->function, m)))
		status = sqlite_fail(db, error);
	else
		status = run(db, q, m, row, ctx, error);
	marked_release(m);
	sqlite_reader_done(s, db);
	return status;
}
