// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/packed.h"
#include "server/store_sqlite.h"

/* The columns of a report, in the order of SQL_PUT_REPORT. 1 stored, 0 there already, -1. */
static int put_row(struct sqlite_store *s, const struct store_item *item, int64_t now_ns)
{
	sqlite3_stmt *st = s->sql[SQL_PUT_REPORT];
	const struct digest *d = item->digest;
	const struct digest_facts *f = &d->facts;
	const uint32_t facts[FACTS_TEXTS] = {f->cpu_model, f->disk,	      f->os,   f->kernel,
					     f->arch,	   f->virtualisation, f->agent};
	const char *texts[FACTS_TEXTS];
	const uint32_t names[] = {d->kind, d->client, d->version, d->metric, d->label};
	uint32_t id;
	int at = 1;

	sqlite3_bind_blob(st, at++, d->id, sizeof(d->id), SQLITE_STATIC);
	sqlite3_bind_int64(st, at++, d->created_ns);
	sqlite3_bind_int64(st, at++, now_ns);
	sqlite3_bind_int64(st, at++, d->start_ns);
	sqlite3_bind_int64(st, at++, d->trigger_ns);
	sqlite3_bind_int64(st, at++, d->end_ns);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names_text(s, digest_text(d, names[i]), &id))
			return -1;
		sqlite3_bind_int64(st, at++, id);
	}
	if (d->has_host && names_host(s, d->host, &id))
		return -1;
	if (d->has_host)
		sqlite3_bind_int64(st, at++, id);
	else
		sqlite3_bind_null(st, at++);
	for (size_t i = 0; i < FACTS_TEXTS; i++)
		texts[i] = digest_text(d, facts[i]);
	if (names_facts(s, texts, f->cpus, f->memory_bytes, &id))
		return -1;
	sqlite3_bind_int64(st, at++, id);
	sqlite3_bind_double(st, at++, d->value);
	sqlite3_bind_double(st, at++, d->expected);
	sqlite3_bind_double(st, at++, d->threshold);
	sqlite3_bind_text(st, at++, digest_text(d, d->explanation), -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, at++, (int64_t)d->samples);
	sqlite3_bind_int64(st, at++, (int64_t)d->cpu_ns);
	sqlite3_bind_int(st, at++, d->incomplete);
	sqlite3_bind_int64(st, at++, (int64_t)item->size);
	if (sqlite_step(s, SQL_PUT_REPORT))
		return -1;
	return sqlite3_changes(s->db);
}

/* (node, own ns) of each node that was on a CPU itself; nodes as differences. */
static int pack_stacks(struct sqlite_store *s, const struct digest *d, int64_t seq,
		       struct packed *ret)
{
	uint32_t *functions = calloc(d->n_functions + 1, sizeof(*functions));
	uint32_t *nodes = calloc(d->n_nodes + 1, sizeof(*nodes)), before = 0;
	int status = functions && nodes ? 0 : -1;

	for (size_t i = 0; i < d->n_functions && !status; i++)
		status = names_function(s, digest_text(d, d->functions[i].name),
					digest_text(d, d->functions[i].module), &functions[i]);
	for (size_t i = 0; i < d->n_nodes && !status; i++) {
		const struct digest_node *n = &d->nodes[i];
		uint32_t parent = n->parent == DIGEST_NO_PARENT ? 0 : nodes[n->parent];

		status = names_stack(s, parent, functions[n->function], &nodes[i]);
		if (status || !n->self_ns)
			continue;
		packed_i64(ret, (int64_t)nodes[i] - before);
		packed_u64(ret, n->self_ns);
		before = nodes[i];
	}
	for (size_t i = 0; i < d->n_functions && !status; i++)
		status = blocks_mark(s, seq, functions[i]);
	free(functions);
	free(nodes);
	return status || ret->status ? -1 : 0;
}

static int pack_threads(struct sqlite_store *s, const struct digest *d, struct packed *ret)
{
	for (size_t i = 0; i < d->n_threads; i++) {
		const struct digest_thread *t = &d->threads[i];
		uint32_t process, name;

		if (names_text(s, digest_text(d, t->process), &process) ||
		    names_text(s, digest_text(d, t->name), &name))
			return -1;
		packed_u64(ret, process);
		packed_u64(ret, name);
		packed_u64(ret, t->on_cpu_ns);
		packed_u64(ret, t->wait_ns);
	}
	return ret->status ? -1 : 0;
}

static int put_profile(struct sqlite_store *s, const struct digest *d, int64_t seq)
{
	sqlite3_stmt *st = s->sql[SQL_PUT_PROFILE];
	struct packed threads = {0}, stacks = {0};
	int status = -1;

	if (!pack_threads(s, d, &threads) && !pack_stacks(s, d, seq, &stacks)) {
		sqlite3_bind_int64(st, 1, seq);
		sqlite3_bind_blob(st, 2, threads.data, threads.n, SQLITE_STATIC);
		sqlite3_bind_blob(st, 3, stacks.data, stacks.n, SQLITE_STATIC);
		sqlite3_bind_blob(st, 4, d->series, d->series_bytes, SQLITE_STATIC);
		status = sqlite_step(s, SQL_PUT_PROFILE);
	}
	packed_release(&threads);
	packed_release(&stacks);
	return status;
}

static int put_one(struct sqlite_store *s, struct store_item *item, int64_t now_ns)
{
	sqlite3_stmt *st = s->sql[SQL_PUT_BODY];
	int status = put_row(s, item, now_ns);
	int64_t seq = sqlite3_last_insert_rowid(s->db);

	item->stored = status > 0;
	if (status <= 0)
		return status;
	s->came++;
	sqlite3_bind_int64(st, 1, seq);
	sqlite3_bind_blob64(st, 2, item->bytes, item->size, SQLITE_STATIC);
	if (sqlite_step(s, SQL_PUT_BODY))
		return -1;
	return put_profile(s, item->digest, seq);
}

int sqlite_put(struct store *store, struct store_item *items, size_t n, struct store_beats *beats,
	       size_t n_beats, char error[STORE_ERROR_BYTES])
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	struct timespec now;
	int64_t now_ns;
	int status;

	clock_gettime(CLOCK_REALTIME, &now);
	now_ns = now.tv_sec * 1000000000ll + now.tv_nsec;
	status = sqlite_step(s, SQL_BEGIN);
	for (size_t i = 0; i < n && !status; i++)
		status = put_one(s, &items[i], now_ns);
	for (size_t i = 0; i < n_beats && !status; i++)
		status = sqlite_put_beats(s, &beats[i], now_ns);
	if (!status)
		status = blocks_flush(s);
	/* Here as well: retention comes once a second, and that may be thousands of reports. */
	if (!status && n)
		status = collect_begin(s);
	if (!status)
		status = sqlite_step(s, SQL_COMMIT);
	if (!status)
		return 0;
	status = sqlite_fail(s->db, error);
	sqlite_rollback(s);
	return status;
}

int sqlite_drop(struct sqlite_store *s, int64_t seq)
{
	static const enum statement parts[] = {SQL_DROP_REPORT, SQL_DROP_BODY, SQL_DROP_PROFILE};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		sqlite3_bind_int64(s->sql[parts[i]], 1, seq);
		if (sqlite_step(s, parts[i]))
			return -1;
	}
	return 0;
}

int sqlite_remove(struct store *store, const uint8_t id[REPORT_ID_BYTES],
		  char error[STORE_ERROR_BYTES])
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	sqlite3_stmt *st = s->sql[SQL_FIND_REPORT];
	int status = sqlite_step(s, SQL_BEGIN), found;
	int64_t seq = 0;

	if (!status) {
		sqlite3_bind_blob(st, 1, id, REPORT_ID_BYTES, SQLITE_STATIC);
		found = sqlite3_step(st);
		seq = found == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
		status = found == SQLITE_ROW || found == SQLITE_DONE ? 0 : -1;
		sqlite3_reset(st);
	}
	if (!status && seq)
		status = sqlite_drop(s, seq);
	if (!status)
		status = sqlite_step(s, SQL_COMMIT);
	if (!status)
		return seq ? 0 : -ENOENT;
	status = sqlite_fail(s->db, error);
	sqlite_rollback(s);
	return status;
}
