// SPDX-License-Identifier: BSD-2-Clause
/* Hosts that are known: what they are, and their last heartbeat as it was sent. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/packed.h"
#include "server/store_sqlite.h"
#include "user/lib/base/out.h"

/* A host that has neither is a row that store_sqlite_collect.c has not taken yet. */
static const char select_sql[] =
	"SELECT h.id, h.host, b.t_ns, b.beat, b.clients, f.id, f.agent, (SELECT text FROM texts WHERE"
	" id = h.label), f.cpu_model, f.disk, f.os, f.kernel, f.arch, f.virtualisation, f.cpus,"
	" f.memory_bytes FROM hosts h LEFT JOIN facts f ON f.id = h.facts LEFT JOIN beats b ON"
	" b.t_ns = h.beat_ns AND b.host = h.id WHERE h.id > ?1 AND (?2 IS NULL OR h.host = ?2)"
	" AND (?3 = 0 OR b.t_ns >= ?3) AND (?4 = 0 OR b.t_ns < ?4 OR b.t_ns IS NULL)"
	" AND (b.t_ns NOTNULL OR EXISTS (SELECT 1 FROM reports r WHERE r.host = h.id))"
	" ORDER BY h.id LIMIT ?5";

struct reading {
	sqlite3_stmt *hosts, *text;
	struct heartbeats h;
};

/* A text by its id, as one of the batch. -1 without memory. */
static int64_t read_text(struct reading *r, uint64_t id)
{
	int64_t ref = 0;

	sqlite3_bind_int64(r->text, 1, (int64_t)id);
	if (sqlite3_step(r->text) == SQLITE_ROW)
		ref = heartbeats_intern(&r->h, (const char *)sqlite3_column_text(r->text, 0));
	sqlite3_reset(r->text);
	return ref;
}

/* As store_sqlite_beats.c packs it: all columns but the first one. 0 or -1. */
static int read_row(struct reading *r, const char *name, void *table, size_t row, struct unpacked *u)
{
	const struct wire_type *type = wire_find(&wire_heartbeats, name, strlen(name))->type;

	/* Those that were added to the format later are not in what was packed before. */
	for (size_t i = 1; i < type->n_fields && u->at < u->end; i++) {
		const struct wire_field *f = &type->fields[i];
		bool is_signed = f->kind == WIRE_I32 || f->kind == WIRE_I64;
		int64_t value = is_signed ? unpacked_i64(u) : (int64_t)unpacked_u64(u);
		char *at = (char *)wire_column(table, f) + row * wire_kind_bytes(f->kind);
		uint32_t narrow;

		if (f->kind == WIRE_REF)
			value = read_text(r, value);
		if (u->status || (f->kind == WIRE_REF && value < 0))
			return -1;
		narrow = value;
		memcpy(at, wire_kind_bytes(f->kind) == sizeof(narrow) ? (void *)&narrow : &value,
		       wire_kind_bytes(f->kind));
	}
	return 0;
}

static struct unpacked column(sqlite3_stmt *st, int at)
{
	const uint8_t *data = sqlite3_column_blob(st, at);

	return (struct unpacked){data, data ? data + sqlite3_column_bytes(st, at) : data, 0};
}

static int read_beat(struct reading *r)
{
	struct unpacked beat = column(r->hosts, 3), clients = column(r->hosts, 4);
	struct heartbeats *h = &r->h;

	if (sqlite3_column_type(r->hosts, 2) == SQLITE_NULL)
		return 0;
	if (heartbeats_beats_add(&h->beats) < 0)
		return -1;
	h->beats.t_ns[0] = sqlite3_column_int64(r->hosts, 2);
	if (read_row(r, "beats", &h->beats, 0, &beat))
		return -1;
	while (clients.at < clients.end) {
		int64_t row = heartbeats_clients_add(&h->clients);

		if (row < 0 || read_row(r, "clients", &h->clients, row, &clients))
			return -1;
	}
	return 0;
}

static int read_facts(struct reading *r)
{
	struct report_host *of = &r->h.facts.host;
	char **const texts[] = {&r->h.facts.agent.version, &of->label, &of->cpu_model, &of->disk, &of->os,
				&of->kernel, &of->arch, &of->virtualisation};

	if (sqlite3_column_type(r->hosts, 5) == SQLITE_NULL)
		return 0;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *text = (const char *)sqlite3_column_text(r->hosts, 6 + i);

		if (report_set(texts[i], text ? text : ""))
			return -1;
	}
	of->cpus = sqlite3_column_int64(r->hosts, 14);
	of->memory_bytes = sqlite3_column_int64(r->hosts, 15);
	r->h.facts.present = true;
	return 0;
}

static void bind(sqlite3_stmt *st, const struct store_query *q)
{
	sqlite3_bind_int64(st, 1, q->has_cursor ? q->cursor_seq : 0);
	if (q->has_host)
		sqlite3_bind_blob(st, 2, q->host, sizeof(q->host), SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, q->since_ns);
	sqlite3_bind_int64(st, 4, q->until_ns);
	sqlite3_bind_int64(st, 5, q->limit ? (int64_t)q->limit : -1);
}

/* One host of the result. What `row` says, or -ENOMEM, -EIO where its bytes are damaged. */
static int give(struct reading *r, int (*row)(void *ctx, int64_t seq, const struct heartbeats *last),
		void *ctx)
{
	int status = heartbeats_init(&r->h);

	if (status)
		return status;
	if (sqlite3_column_bytes(r->hosts, 1) == REPORT_ID_BYTES)
		memcpy(r->h.host, sqlite3_column_blob(r->hosts, 1), REPORT_ID_BYTES);
	status = read_facts(r) || read_beat(r) ? -EIO : 0;
	if (!status)
		status = row(ctx, sqlite3_column_int64(r->hosts, 0), &r->h);
	heartbeats_release(&r->h);
	return status;
}

int sqlite_hosts(struct store *store, const struct store_query *q,
		 int (*row)(void *ctx, int64_t seq, const struct heartbeats *last), void *ctx,
		 char error[STORE_ERROR_BYTES])
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	sqlite3 *db = sqlite_reader(s, error);
	struct reading r = {0};
	int status, stop = 0;

	if (!db)
		return -EIO;
	if (sqlite3_prepare_v2(db, select_sql, -1, &r.hosts, NULL) ||
	    sqlite3_prepare_v2(db, "SELECT text FROM texts WHERE id = ?", -1, &r.text, NULL)) {
		stop = sqlite_fail(db, error);
	} else {
		bind(r.hosts, q);
		while ((status = sqlite3_step(r.hosts)) == SQLITE_ROW && !stop)
			stop = give(&r, row, ctx);
		if (status != SQLITE_ROW && status != SQLITE_DONE)
			stop = sqlite_fail(db, error);
		else if (stop < 0)
			snprintf(error, STORE_ERROR_BYTES, "a heartbeat that is stored can't be read: run"
				 " `backdraft-server fsck`");
	}
	sqlite3_finalize(r.hosts);
	sqlite3_finalize(r.text);
	sqlite_reader_done(s, db);
	return stop;
}
