// SPDX-License-Identifier: BSD-2-Clause
/*
 * Heartbeats: a row for each minute of a host. What the agent, its clients and their processes did
 * is packed, in the order of the columns of heartbeat.def: fleets send a lot of these, and all of
 * them say nearly the same.
 */
#include <stdlib.h>
#include <string.h>

#include "server/packed.h"
#include "server/store_sqlite.h"

/* A clock that is so far ahead is wrong, and what it says would stay for good. */
#define AHEAD_MOST_NS (24 * 3600 * 1000000000ll)

/* One value of a column: a text by its id, a number as it is. */
static int pack_value(struct sqlite_store *s, const struct heartbeats *h,
		      const struct wire_field *f, const void *table, size_t row, int64_t t_ns,
		      struct packed *p)
{
	const char *at = (const char *)wire_column(table, f) + row * wire_kind_bytes(f->kind);
	uint32_t narrow = 0, text;
	int64_t wide = 0;

	if (f->kind == WIRE_U64 || f->kind == WIRE_I64)
		memcpy(&wide, at, sizeof(wide));
	else
		memcpy(&narrow, at, sizeof(narrow));
	switch (f->kind) {
	case WIRE_REF:
		if (names_beat_text(s, heartbeats_text(h, narrow), t_ns, &text))
			return -1;
		packed_u64(p, text);
		break;
	case WIRE_U32:
		packed_u64(p, narrow);
		break;
	case WIRE_I32:
		packed_i64(p, (int32_t)narrow);
		break;
	case WIRE_U64:
		packed_u64(p, (uint64_t)wide);
		break;
	default:
		packed_i64(p, wide);
		break;
	}
	return p->status ? -1 : 0;
}

static const struct wire_type *type_of(const char *name)
{
	return wire_find(&wire_heartbeats, name, strlen(name))->type;
}

/* All columns of a row of a beat of that time but the first, which says to which one it belongs. */
static int pack_row(struct sqlite_store *s, const struct heartbeats *h,
		    const struct wire_type *type, const void *table, size_t row, int64_t t_ns,
		    struct packed *p)
{
	for (size_t i = 1; i < type->n_fields; i++)
		if (pack_value(s, h, &type->fields[i], table, row, t_ns, p))
			return -1;
	return 0;
}

/* The rows of a table, each to its beat. */
static int pack_table(struct sqlite_store *s, const struct heartbeats *h, const char *name,
		      const void *table, const uint32_t *beat, struct packed *of_beat)
{
	const struct wire_type *type = type_of(name);

	for (size_t i = 0; i < wire_rows(table); i++)
		if (pack_row(s, h, type, table, i, h->beats.t_ns[beat[i]], &of_beat[beat[i]]))
			return -1;
	return 0;
}

static int put_beat(struct sqlite_store *s, const struct heartbeats *h, uint32_t host, size_t row,
		    const struct packed *clients, const struct packed *processes)
{
	sqlite3_stmt *st = s->sql[SQL_PUT_BEAT];
	struct packed beat = {0};
	int status = pack_row(s, h, type_of("beats"), &h->beats, row, h->beats.t_ns[row], &beat);

	if (!status) {
		sqlite3_bind_int64(st, 1, h->beats.t_ns[row]);
		sqlite3_bind_int64(st, 2, host);
		sqlite3_bind_blob(st, 3, beat.data, beat.n, SQLITE_STATIC);
		/* Not NULL where there are none. */
		sqlite3_bind_blob(st, 4, clients->n ? clients->data : (void *)"", clients->n,
				  SQLITE_STATIC);
		sqlite3_bind_blob(st, 5, processes->n ? processes->data : (void *)"", processes->n,
				  SQLITE_STATIC);
		status = sqlite_step(s, SQL_PUT_BEAT);
	}
	packed_release(&beat);
	return status;
}

static int set_facts(struct sqlite_store *s, const struct heartbeats *h, uint32_t host)
{
	const struct report_host *of = &h->facts.host;
	const char *const fields[FACTS_TEXTS] = {
		of->cpu_model,	       of->disk, of->os, of->kernel, of->arch, of->virtualisation,
		h->facts.agent.version};
	sqlite3_stmt *st = s->sql[SQL_SET_FACTS];
	const char *texts[FACTS_TEXTS];
	uint32_t facts, label;

	for (size_t i = 0; i < FACTS_TEXTS; i++)
		texts[i] = fields[i] ? fields[i] : "";
	if (names_facts(s, texts, of->cpus, of->memory_bytes, &facts) ||
	    names_text(s, of->label ? of->label : "", &label))
		return -1;
	sqlite3_bind_int64(st, 1, host);
	sqlite3_bind_blob(st, 2, h->facts_hash, sizeof(h->facts_hash), SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, facts);
	sqlite3_bind_int64(st, 4, label);
	return sqlite_step(s, SQL_SET_FACTS);
}

/* Whether the facts of this hash are the ones that are known of the host. 1, 0 or -1. */
static int facts_known(struct sqlite_store *s, const struct heartbeats *h, uint32_t host)
{
	sqlite3_stmt *st = s->sql[SQL_FIND_HASH];
	int status, known;

	sqlite3_bind_int64(st, 1, host);
	status = sqlite3_step(st);
	known = status == SQLITE_ROW && sqlite3_column_bytes(st, 0) == sizeof(h->facts_hash) &&
		!memcmp(sqlite3_column_blob(st, 0), h->facts_hash, sizeof(h->facts_hash));
	sqlite3_reset(st);
	return status == SQLITE_ROW ? known : -1;
}

static int put_all(struct sqlite_store *s, struct store_beats *beats, uint32_t host, int64_t now_ns,
		   struct packed *clients, struct packed *processes)
{
	const struct heartbeats *h = beats->batch;
	int64_t last_ns = 0;

	if (pack_table(s, h, "clients", &h->clients, h->clients.beat, clients) ||
	    pack_table(s, h, "processes", &h->processes, h->processes.beat, processes))
		return -1;
	for (size_t i = 0; i < h->beats.n; i++) {
		if (h->beats.t_ns[i] > now_ns + AHEAD_MOST_NS)
			continue;
		if (put_beat(s, h, host, i, &clients[i], &processes[i]))
			return -1;
		beats->accepted += sqlite3_changes(s->db);
		last_ns = h->beats.t_ns[i] > last_ns ? h->beats.t_ns[i] : last_ns;
	}
	sqlite3_bind_int64(s->sql[SQL_SET_BEAT], 1, host);
	sqlite3_bind_int64(s->sql[SQL_SET_BEAT], 2, last_ns);
	return sqlite_step(s, SQL_SET_BEAT);
}

int sqlite_put_beats(struct sqlite_store *s, struct store_beats *beats, int64_t now_ns)
{
	const struct heartbeats *h = beats->batch;
	struct packed *clients = calloc(h->beats.n + 1, sizeof(*clients));
	struct packed *processes = calloc(h->beats.n + 1, sizeof(*processes));
	int status = clients && processes ? 0 : -1, known = 0;
	uint32_t host;

	beats->accepted = 0;
	if (!status)
		status = names_host(s, h->host, &host);
	if (!status)
		status = put_all(s, beats, host, now_ns, clients, processes);
	if (!status)
		known = facts_known(s, h, host);
	if (!status && !known && h->facts.present)
		status = set_facts(s, h, host);
	beats->facts_wanted = !known && !h->facts.present;
	for (size_t i = 0; i < h->beats.n && clients && processes; i++) {
		packed_release(&clients[i]);
		packed_release(&processes[i]);
	}
	free(clients);
	free(processes);
	return known < 0 ? -1 : status;
}
