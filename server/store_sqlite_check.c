// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/packed.h"
#include "server/store_sqlite.h"
#include "user/lib/profile/codec.h"

/* Of a table the last row stays, used or not, as store_sqlite_collect.c says; what it names does not. */
#define IN_USE " AND used >= " OLDEST_GENERATION
#define UNUSED_ROWS(table)                                                                         \
	"SELECT count(*) FROM " table " WHERE id < (SELECT max(id) FROM " table ") AND used < " OLDEST_GENERATION

struct check {
	sqlite3 *db;
	void (*line)(void *ctx, const char *text);
	void *ctx;
	int64_t wrong;
	sqlite3_stmt *has_node;
};

__attribute__((format(printf, 2, 3))) static void tell(struct check *c, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	c->line(c->ctx, text);
	c->wrong++;
}

/* Queries that give a row for each thing that is wrong. */
static const struct {
	const char *sql, *what;
} rules[] = {
	{"PRAGMA integrity_check", NULL},
	{"SELECT seq FROM reports WHERE seq NOT IN (SELECT seq FROM bodies)",
	 "report %s has no body"},
	{"SELECT seq FROM bodies WHERE seq NOT IN (SELECT seq FROM reports)",
	 "body %s has no report"},
	{"SELECT seq FROM reports WHERE seq NOT IN (SELECT seq FROM profiles)",
	 "report %s has no profile"},
	{"SELECT seq FROM profiles WHERE seq NOT IN (SELECT seq FROM reports)",
	 "profile %s has no report"},
	{"SELECT seq FROM reports WHERE kind NOT IN (SELECT id FROM texts) OR client NOT IN"
	 " (SELECT id FROM texts) OR version NOT IN (SELECT id FROM texts) OR metric NOT IN"
	 " (SELECT id FROM texts) OR label NOT IN (SELECT id FROM texts)",
	 "report %s names a text that is not there"},
	{"SELECT seq FROM reports WHERE host NOT NULL AND host NOT IN (SELECT id FROM hosts)",
	 "report %s names a host that is not there"},
	{"SELECT seq FROM reports WHERE facts NOT IN (SELECT id FROM facts)",
	 "report %s names facts that are not there"},
	{"SELECT id FROM functions WHERE module NOT IN (SELECT id FROM texts)" IN_USE,
	 "function %s names a module that is not there"},
	{"SELECT id FROM stacks WHERE parent <> 0 AND parent NOT IN (SELECT id FROM stacks)"
	 IN_USE,
	 "stack %s names a parent that is not there"},
	{"SELECT id FROM stacks WHERE function NOT IN (SELECT id FROM functions)" IN_USE,
	 "stack %s names a function that is not there"},
	/* These would go while they are still named. */
	{"SELECT f.id FROM functions f JOIN texts t ON t.id = f.module WHERE f.used > t.used",
	 "function %s was used after its module"},
	{"SELECT s.id FROM stacks s JOIN functions f ON f.id = s.function WHERE s.used > f.used",
	 "stack %s was used after its function"},
	{"SELECT s.id FROM stacks s JOIN stacks p ON p.id = s.parent WHERE s.used > p.used",
	 "stack %s was used after its parent"},
	{"SELECT t_ns FROM beats WHERE host NOT IN (SELECT id FROM hosts)",
	 "heartbeat %s names a host that is not there"},
	{"SELECT id FROM hosts WHERE facts NOT NULL AND facts NOT IN (SELECT id FROM facts)",
	 "host %s names facts that are not there"},
	{"SELECT block FROM function_blocks WHERE function NOT IN (SELECT id FROM functions)",
	 "block %s names a function that is not there"},
};

static int check_rule(struct check *c, size_t rule)
{
	sqlite3_stmt *st;
	int status;

	if (sqlite3_prepare_v2(c->db, rules[rule].sql, -1, &st, NULL))
		return -EIO;
	while ((status = sqlite3_step(st)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(st, 0);

		if (rules[rule].what) {
			char line[256], *mark;

			snprintf(line, sizeof(line), "%s", rules[rule].what);
			mark = strstr(line, "%s");
			*mark = '\0';
			tell(c, "%s%s%s", line, text ? text : "", mark + 2);
		} else if (!text || strcmp(text, "ok")) {
			tell(c, "the file is damaged: %s", text ? text : "");
		}
	}
	sqlite3_finalize(st);
	return status == SQLITE_DONE ? 0 : -EIO;
}

static void ignore_value(void *ctx, uint64_t column, uint64_t row, int64_t value)
{
}

/* What is wrong with a node of a report, or NULL. */
static const char *wrong_node(struct check *c, int64_t node, int64_t seq)
{
	const char *wrong = "is not there";

	sqlite3_bind_int64(c->has_node, 1, node);
	sqlite3_bind_int64(c->has_node, 2, seq);
	if (sqlite3_step(c->has_node) == SQLITE_ROW)
		wrong = sqlite3_column_int(c->has_node, 0) ? NULL : "was last used before it";
	sqlite3_reset(c->has_node);
	return wrong;
}

static void check_profile(struct check *c, sqlite3_stmt *st, int64_t seq)
{
	const uint8_t *stacks = sqlite3_column_blob(st, 3), *series = sqlite3_column_blob(st, 4);
	struct unpacked u = {stacks, stacks ? stacks + sqlite3_column_bytes(st, 3) : stacks, 0};
	const char *wrong;
	int64_t node = 0;

	while (u.at < u.end && !u.status) {
		node += unpacked_i64(&u);
		unpacked_u64(&u);
		wrong = u.status ? NULL : wrong_node(c, node, seq);
		if (wrong) {
			tell(c, "report %lld names stack %lld, which %s", (long long)seq,
			     (long long)node, wrong);
			break;
		}
	}
	if (u.status)
		tell(c, "the stacks of report %lld are damaged", (long long)seq);
	if (unpacked_series(series, sqlite3_column_bytes(st, 4), ignore_value, NULL))
		tell(c, "the series of report %lld is damaged", (long long)seq);
}

/* The bytes must still be the report that they were taken for. */
static int check_bodies(struct check *c)
{
	static const char sql[] = "SELECT r.seq, r.id, b.bytes, p.stacks, p.series FROM reports r"
				  " JOIN bodies b USING (seq) JOIN profiles p USING (seq)";
	sqlite3_stmt *st;
	int status;

	if (sqlite3_prepare_v2(c->db, sql, -1, &st, NULL))
		return -EIO;
	while ((status = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t seq = sqlite3_column_int64(st, 0);
		char error[CODEC_ERROR_BYTES];
		struct report r;

		if (report_decode(sqlite3_column_blob(st, 2), sqlite3_column_bytes(st, 2), NULL, &r,
				  error)) {
			tell(c, "the body of report %lld can't be read: %s", (long long)seq, error);
			continue;
		}
		if (sqlite3_column_bytes(st, 1) != REPORT_ID_BYTES ||
		    memcmp(sqlite3_column_blob(st, 1), r.id, REPORT_ID_BYTES))
			tell(c, "the body of report %lld is another report", (long long)seq);
		report_release(&r);
		check_profile(c, st, seq);
	}
	sqlite3_finalize(st);
	return status == SQLITE_DONE ? 0 : -EIO;
}

/* Nothing wrong, but good to know of a store that grows. */
static void note_unused(struct check *c)
{
	int64_t stacks, functions;
	char text[256];

	if (sqlite_number(c->db, UNUSED_ROWS("stacks"), &stacks) ||
	    sqlite_number(c->db, UNUSED_ROWS("functions"), &functions) || !(stacks || functions))
		return;
	snprintf(text, sizeof(text),
		 "%lld stacks and %lld functions are in no report any more: they go in the background",
		 (long long)stacks, (long long)functions);
	c->line(c->ctx, text);
}

int64_t sqlite_check(struct store *store, void (*line)(void *ctx, const char *text), void *ctx)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	char error[STORE_ERROR_BYTES];
	struct check c = {.db = sqlite_reader(s, error), .line = line, .ctx = ctx};
	int err = 0;

	if (!c.db)
		return -EIO;
	if (sqlite3_prepare_v2(c.db,
			       "SELECT used >= (SELECT max(id) FROM generations WHERE first_seq <= ?2)"
			       " FROM stacks WHERE id = ?1",
			       -1, &c.has_node, NULL))
		err = -EIO;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && !err; i++)
		err = check_rule(&c, i);
	if (!err)
		err = check_bodies(&c);
	if (!err)
		note_unused(&c);
	/* A damaged file may make a query end early. */
	if (err)
		tell(&c, "the file can't be read to its end: %s", sqlite3_errmsg(c.db));
	sqlite3_finalize(c.has_node);
	sqlite_reader_done(s, c.db);
	return c.wrong;
}
