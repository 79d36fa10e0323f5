// SPDX-License-Identifier: BSD-2-Clause
/*
 * Texts, functions, stacks, facts and hosts that nothing names any more, after retention has dropped
 * what did.
 *
 * Nothing counts references. The order of arrival is cut into generations, and a row has the number
 * of the one in which a report named it last (`used`, see store_sqlite_names.c): it is written once a
 * generation, whichever number of reports name the row. A row of an older generation than that of the
 * oldest report is in no report. What a row names was named whenever the row was: a stack's parent
 * and function, a function's module are never older than it.
 *
 * Heartbeats come in no order, so what they name has a time instead: until when there may be a
 * heartbeat with it.
 *
 * A sweep goes through the tables from the newest row to the oldest, what names before what is named,
 * a few rows a step. The newest row stays, named or not, so that no id is given twice.
 */
#include <stdio.h>

#include "server/store_sqlite.h"

/* A step ends after as many rows have gone, beside as many as have come since the step before, or as
 * many times so many were looked at. */
#define STEP_ROWS 1000
#define STEP_LOOKS 20
#define GENERATION_REPORTS 64
/* A generation is a part of the reports that there are: so much longer may a row stay. */
#define GENERATION_PART 16
/* Rows that are written anew for a report, on average, because a generation began. */
#define MARKS_A_REPORT 4

/* ?1 and ?2 are the first and the last id of the step, ?3 the oldest generation that there is, ?4 the
 * time of the oldest heartbeat. */
#define UNUSED(table) "DELETE FROM " table " WHERE id BETWEEN ?1 AND ?2 AND used < ?3"
static const struct {
	const char *name, *before, *sql;
} tables[] = {
	{"stacks", NULL, UNUSED("stacks")},
	/* In the block of the oldest report there are functions of reports that are gone. */
	{"functions",
	 "DELETE FROM function_blocks WHERE block = (SELECT min(block) FROM function_blocks)"
	 " AND function BETWEEN ?1 AND ?2 AND (SELECT used FROM functions WHERE id = function) < ?3",
	 UNUSED("functions")},
	{"hosts", NULL,
	 "DELETE FROM hosts WHERE id BETWEEN ?1 AND ?2 AND beat_ns < ?4"
	 " AND NOT EXISTS (SELECT 1 FROM reports WHERE host = hosts.id)"},
	{"facts", NULL,
	 UNUSED("facts") " AND NOT EXISTS (SELECT 1 FROM hosts WHERE facts = facts.id)"},
	{"texts", NULL,
	 UNUSED("texts") " AND beat_ns <= ?4 AND NOT EXISTS (SELECT 1 FROM hosts WHERE label = texts.id)"},
};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

int collect_load(struct sqlite_store *s)
{
	struct collect *c = &s->collect;
	int64_t generation, first_seq;

	if (sqlite_number(s->db, "SELECT max(id) FROM generations", &generation) ||
	    sqlite_number(s->db, "SELECT first_seq FROM generations ORDER BY id DESC LIMIT 1",
			  &first_seq))
		return -1;
	*c = (struct collect){.generation = generation, .first_seq = first_seq, .table = N_TABLES};
	return 0;
}

/* A statement with some of these numbers, by their place. 0 or -1. */
static int run(struct sqlite_store *s, const char *sql, const int64_t *values, int n)
{
	sqlite3_stmt *st;
	int status;

	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL))
		return -1;
	for (int i = 0; i < n; i++)
		sqlite3_bind_int64(st, i + 1, values[i]);
	status = sqlite3_step(st);
	return sqlite3_finalize(st) || status != SQLITE_DONE ? -1 : 0;
}

#define NEXT_SEQ                                                                                   \
	"SELECT 1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'reports'), 0)"

/* Another generation begins where this one has enough reports, or none is left of it. */
int collect_begin(struct sqlite_store *s)
{
	struct collect *c = &s->collect;
	int64_t first, next, values[2];

	if (sqlite_number(s->db, "SELECT coalesce(min(seq), 0) FROM reports", &first) ||
	    sqlite_number(s->db, NEXT_SEQ, &next))
		return -1;
	int64_t came = next - c->first_seq, there = first ? next - first : 0;

	if (!came || (there && (came < GENERATION_REPORTS || came < there / GENERATION_PART ||
				came * MARKS_A_REPORT < (int64_t)c->marked)))
		return 0;
	values[0] = c->generation + 1;
	values[1] = next;
	if (run(s, "INSERT INTO generations VALUES (?,?)", values, 2))
		return -1;
	c->generation = values[0];
	c->first_seq = next;
	c->marked = 0;
	/* What is in memory was named in the old one. */
	names_forget(s);
	return 0;
}

static bool collect_runs(const struct sqlite_store *s)
{
	return s->collect.table < N_TABLES;
}

static int begin_table(struct sqlite_store *s, size_t table)
{
	char sql[96];

	s->collect.table = table;
	if (table == N_TABLES)
		return 0;
	snprintf(sql, sizeof(sql), "SELECT coalesce(max(id), 0) - 1 FROM %s", tables[table].name);
	return sqlite_number(s->db, sql, &s->collect.at);
}

int collect_due(struct sqlite_store *s, double *ret, int64_t *ret_reports)
{
	int64_t first, next, live, oldest;

	/* What a sweep has been through is deleted at its end. */
	if (sqlite_number(s->db, "SELECT min(first_seq) FROM generations", &first) ||
	    sqlite_number(s->db, "SELECT first_seq FROM generations WHERE id = " OLDEST_GENERATION, &live) ||
	    sqlite_number(s->db, "SELECT coalesce(min(seq), 0) FROM reports", &oldest) ||
	    sqlite_number(s->db, NEXT_SEQ, &next))
		return -1;
	*ret = next > first ? (double)(live - first) / (next - first) : 0;
	*ret_reports = oldest ? next - oldest : 0;
	return 0;
}

/* A sweep begins where a generation or a day of heartbeats has gone since the last one. */
static int maybe_sweep(struct sqlite_store *s)
{
	struct collect *c = &s->collect;
	int64_t oldest, beats_ns;

	if (sqlite_number(s->db, "SELECT " OLDEST_GENERATION, &oldest) ||
	    sqlite_number(s->db, "SELECT coalesce((SELECT min(t_ns) FROM beats), 1 << 62)", &beats_ns))
		return -1;
	if (oldest == c->swept && beats_ns / DAY_NS == c->swept_beats_ns / DAY_NS)
		return 0;
	c->swept = oldest;
	c->swept_beats_ns = beats_ns;
	return begin_table(s, 0);
}

static int count_holes(struct sqlite_store *s, int64_t n)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "UPDATE meta SET value = value + ? WHERE name = 'holes_%s'",
		 tables[s->collect.table].name);
	return n ? run(s, sql, &n, 1) : 0;
}

/* One look. The rows that have gone, or -1. */
static int sweep_rows(struct sqlite_store *s)
{
	struct collect *c = &s->collect;
	char sql[160];
	int64_t first, values[4];
	int n;

	snprintf(sql, sizeof(sql),
		 "SELECT coalesce((SELECT id FROM %s WHERE id <= %lld ORDER BY id DESC"
		 " LIMIT 1 OFFSET %d), 0)",
		 tables[c->table].name, (long long)c->at, STEP_ROWS - 1);
	if (sqlite_number(s->db, sql, &first))
		return -1;
	values[0] = first;
	values[1] = c->at;
	values[2] = c->swept;
	values[3] = c->swept_beats_ns;
	if (tables[c->table].before && run(s, tables[c->table].before, values, 4))
		return -1;
	if (run(s, tables[c->table].sql, values, 4))
		return -1;
	n = sqlite3_changes(s->db);
	/* Of these some may be in memory; of the others only what this generation has named is. */
	if (n && s->collect.table >= N_TABLES - 3)
		names_forget_beats(s);
	if (count_holes(s, n))
		return -1;
	c->at = first - 1;
	return c->at <= 0 && begin_table(s, c->table + 1) ? -1 : n;
}

static int sweep_step(struct sqlite_store *s)
{
	int64_t gone = 0, enough = STEP_ROWS + s->collect.came;

	s->collect.came = 0;
	for (int64_t looks = enough / STEP_ROWS * STEP_LOOKS;
	     looks > 0 && gone < enough && collect_runs(s); looks--) {
		int n = sweep_rows(s);

		if (n < 0)
			return -1;
		gone += n;
	}
	return 0;
}

int collect_step(struct sqlite_store *s)
{
	struct collect *c = &s->collect;

	if (collect_begin(s))
		return -1;
	if (!collect_runs(s) && maybe_sweep(s))
		return -1;
	if (!collect_runs(s)) {
		c->came = 0;
		return 0;
	}
	if (sweep_step(s))
		return -1;
	if (collect_runs(s))
		return 1;
	return run(s, "DELETE FROM generations WHERE id < ?", &c->swept, 1);
}
