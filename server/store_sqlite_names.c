// SPDX-License-Identifier: BSD-2-Clause
/* Texts, functions and nodes of stacks get a number once, whichever report had them first. The
 * tables are in memory as far as they fit; a hash is keyed, so that nobody outside can choose
 * collisions. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/store_sqlite.h"

int names_init(struct sqlite_store *s, char error[STORE_ERROR_BYTES])
{
	sqlite3_stmt *st;
	int status = -1;

	if (sqlite3_prepare_v2(s->db, "SELECT value FROM meta WHERE name='hash_key'", -1, &st,
			       NULL))
		return sqlite_fail(s->db, error);
	if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_bytes(st, 0) == sizeof(s->names.key)) {
		memcpy(s->names.key, sqlite3_column_blob(st, 0), sizeof(s->names.key));
		status = 0;
	}
	sqlite3_finalize(st);
	if (!status)
		return 0;
	snprintf(error, STORE_ERROR_BYTES, "%s/%s: has no key for its hashes: restore a backup",
		 s->directory, STORE_FILE);
	return -EINVAL;
}

void names_forget(struct sqlite_store *s)
{
	struct names *n = &s->names;
	struct idmap *const maps[] = {&n->texts, &n->functions, &n->facts};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		idmap_release(maps[i]);
		memset(maps[i], 0, sizeof(*maps[i]));
	}
	pairs_release(&n->stacks);
	memset(&n->stacks, 0, sizeof(n->stacks));
	names_forget_beats(s);
}

void names_forget_beats(struct sqlite_store *s)
{
	struct names *n = &s->names;

	idmap_release(&n->hosts);
	idmap_release(&n->beat_texts);
	memset(&n->hosts, 0, sizeof(n->hosts));
	memset(&n->beat_texts, 0, sizeof(n->beat_texts));
}

static uint64_t hash_texts(const struct sqlite_store *s, const char *const *texts, size_t n)
{
	struct siphash h;

	siphash_init(&h, s->names.key);
	/* With the NUL, which no text holds: ("a", "bc") is not ("ab", "c"). */
	for (size_t i = 0; i < n; i++)
		siphash_add(&h, texts[i], strlen(texts[i]) + 1);
	return siphash_result(&h);
}

/* The row of a key: its id, in which generation it was used, and one more number of it. */
struct found {
	int64_t id, used, more;
};

/* Runs a statement that finds the row of a key whose parameters are bound. 1, 0 or -1. */
static int find_row(sqlite3_stmt *st, struct found *ret)
{
	int status = sqlite3_step(st);

	if (status == SQLITE_ROW)
		*ret = (struct found){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
				      sqlite3_column_int64(st, 2)};
	sqlite3_reset(st);
	return status == SQLITE_ROW ? 1 : status == SQLITE_DONE ? 0 : -1;
}

static int put_row(struct sqlite_store *s, sqlite3_stmt *st, struct found *ret)
{
	int status = sqlite3_step(st);

	ret->id = sqlite3_last_insert_rowid(s->db);
	s->collect.came++;
	sqlite3_reset(st);
	return status == SQLITE_DONE ? 0 : -1;
}

static int set_number(struct sqlite_store *s, enum statement which, int64_t id, int64_t value)
{
	sqlite3_bind_int64(s->sql[which], 1, id);
	sqlite3_bind_int64(s->sql[which], 2, value);
	return sqlite_step(s, which);
}

/* That a report names this row: written once a generation. 1 or -1, as find_row(). */
static int mark_used(struct sqlite_store *s, enum statement which, const struct found *row)
{
	if (row->used >= s->collect.generation)
		return 1;
	s->collect.marked++;
	return set_number(s, which, row->id, s->collect.generation) ? -1 : 1;
}

/* Ids are 32 bits wide here and in what is packed. */
static int narrow(int64_t id, uint32_t *ret)
{
	if (id < 1 || id >= IDMAP_NONE)
		return -1;
	*ret = id;
	return 0;
}

/* Puts an id into a table in memory, which begins anew when it is full. */
static int remember(struct idmap *map, uint64_t hash, uint32_t id)
{
	if (map->n >= NAMES_CACHED) {
		idmap_release(map);
		memset(map, 0, sizeof(*map));
	}
	return idmap_set(map, hash, id) ? -1 : 0;
}

static int bind_text(sqlite3_stmt *st, int at, const char *text)
{
	return sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
}

static int find_text(struct sqlite_store *s, uint64_t hash, struct found *ret)
{
	sqlite3_bind_int64(s->sql[SQL_FIND_TEXT], 1, (int64_t)hash);
	return find_row(s->sql[SQL_FIND_TEXT], ret);
}

static int put_text(struct sqlite_store *s, uint64_t hash, const char *text, int64_t used,
		    int64_t beat_ns, struct found *ret)
{
	sqlite3_stmt *put = s->sql[SQL_PUT_TEXT];

	sqlite3_bind_int64(put, 1, (int64_t)hash);
	bind_text(put, 2, text);
	sqlite3_bind_int64(put, 3, used);
	sqlite3_bind_int64(put, 4, beat_ns);
	return put_row(s, put, ret);
}

int names_text(struct sqlite_store *s, const char *text, uint32_t *ret)
{
	uint64_t hash = hash_texts(s, &text, 1);
	struct found row;
	int found;

	*ret = idmap_get(&s->names.texts, hash);
	if (*ret != IDMAP_NONE)
		return 0;
	found = find_text(s, hash, &row);
	if (found == 0)
		found = put_text(s, hash, text, s->collect.generation, 0, &row);
	else if (found > 0)
		found = mark_used(s, SQL_USE_TEXT, &row);
	return found < 0 || narrow(row.id, ret) ? -1 : remember(&s->names.texts, hash, *ret);
}

int names_beat_text(struct sqlite_store *s, const char *text, int64_t t_ns, uint32_t *ret)
{
	int64_t until_ns = (t_ns / DAY_NS + 1) * DAY_NS;
	uint64_t hash = hash_texts(s, &text, 1);
	struct names *n = &s->names;
	struct found row;
	int found;

	if (until_ns > n->beats_until_ns) {
		names_forget_beats(s);
		n->beats_until_ns = until_ns;
	}
	*ret = idmap_get(&n->beat_texts, hash);
	if (*ret != IDMAP_NONE)
		return 0;
	found = find_text(s, hash, &row);
	if (found == 0)
		found = put_text(s, hash, text, 0, n->beats_until_ns, &row);
	else if (found > 0 && row.more < n->beats_until_ns)
		found = set_number(s, SQL_USE_BEAT_TEXT, row.id, n->beats_until_ns);
	return found < 0 || narrow(row.id, ret) ? -1 : remember(&n->beat_texts, hash, *ret);
}

int names_function(struct sqlite_store *s, const char *name, const char *module, uint32_t *ret)
{
	uint64_t hash = hash_texts(s, (const char *const[]){name, module}, 2);
	sqlite3_stmt *find = s->sql[SQL_FIND_FUNCTION], *put = s->sql[SQL_PUT_FUNCTION];
	uint32_t module_id = 0;
	struct found row;
	int found;

	*ret = idmap_get(&s->names.functions, hash);
	if (*ret != IDMAP_NONE)
		return 0;
	sqlite3_bind_int64(find, 1, (int64_t)hash);
	found = find_row(find, &row);
	/* What it names is marked with it, or, where the row is one that was left over, made anew. */
	if (found < 0 || ((!found || row.used < s->collect.generation) &&
			  names_text(s, module, &module_id)))
		return -1;
	if (found == 0) {
		sqlite3_bind_int64(put, 1, (int64_t)hash);
		bind_text(put, 2, name);
		sqlite3_bind_int64(put, 3, module_id);
		sqlite3_bind_int64(put, 4, s->collect.generation);
		found = put_row(s, put, &row);
	} else if (row.used < s->collect.generation) {
		sqlite3_bind_int64(s->sql[SQL_USE_FUNCTION], 3, module_id);
		found = mark_used(s, SQL_USE_FUNCTION, &row);
	}
	return found < 0 || narrow(row.id, ret) ? -1 : remember(&s->names.functions, hash, *ret);
}

int names_stack(struct sqlite_store *s, uint32_t parent, uint32_t function, uint32_t *ret)
{
	sqlite3_stmt *find = s->sql[SQL_FIND_STACK], *put = s->sql[SQL_PUT_STACK];
	struct found row;
	uint32_t *known;
	int found;

	if (s->names.stacks.n >= NAMES_CACHED)
		pairs_release(&s->names.stacks);
	known = pairs_at(&s->names.stacks, parent, function);
	if (!known)
		return -1;
	if (*known != PAIRS_NEW) {
		*ret = *known;
		return 0;
	}
	sqlite3_bind_int64(find, 1, parent);
	sqlite3_bind_int64(find, 2, function);
	found = find_row(find, &row);
	if (found == 0) {
		sqlite3_bind_int64(put, 1, parent);
		sqlite3_bind_int64(put, 2, function);
		sqlite3_bind_int64(put, 3, s->collect.generation);
		found = put_row(s, put, &row);
	} else if (found > 0) {
		found = mark_used(s, SQL_USE_STACK, &row);
	}
	/* A failure ends the transaction, which forgets the tables. */
	if (found < 0 || narrow(row.id, ret))
		return -1;
	*known = *ret;
	return 0;
}

int names_host(struct sqlite_store *s, const uint8_t host[REPORT_ID_BYTES], uint32_t *ret)
{
	sqlite3_stmt *find = s->sql[SQL_FIND_HOST], *put = s->sql[SQL_PUT_HOST];
	struct siphash h;
	uint64_t hash;
	struct found row;
	int found;

	siphash_init(&h, s->names.key);
	siphash_add(&h, host, REPORT_ID_BYTES);
	hash = siphash_result(&h);
	*ret = idmap_get(&s->names.hosts, hash);
	if (*ret != IDMAP_NONE)
		return 0;
	sqlite3_bind_blob(find, 1, host, REPORT_ID_BYTES, SQLITE_STATIC);
	found = find_row(find, &row);
	if (found == 0) {
		sqlite3_bind_blob(put, 1, host, REPORT_ID_BYTES, SQLITE_STATIC);
		found = put_row(s, put, &row);
	}
	return found < 0 || narrow(row.id, ret) ? -1 : remember(&s->names.hosts, hash, *ret);
}

int names_facts(struct sqlite_store *s, const char *const texts[FACTS_TEXTS], uint64_t cpus,
		uint64_t memory_bytes, uint32_t *ret)
{
	sqlite3_stmt *find = s->sql[SQL_FIND_FACTS], *put = s->sql[SQL_PUT_FACTS];
	const char *all[FACTS_TEXTS + 2];
	char n_cpus[24], memory[24];
	uint64_t hash;
	struct found row;
	int found;

	memcpy(all, texts, FACTS_TEXTS * sizeof(*texts));
	snprintf(n_cpus, sizeof(n_cpus), "%llu", (unsigned long long)cpus);
	snprintf(memory, sizeof(memory), "%llu", (unsigned long long)memory_bytes);
	all[FACTS_TEXTS] = n_cpus;
	all[FACTS_TEXTS + 1] = memory;
	hash = hash_texts(s, all, FACTS_TEXTS + 2);
	*ret = idmap_get(&s->names.facts, hash);
	if (*ret != IDMAP_NONE)
		return 0;
	sqlite3_bind_int64(find, 1, (int64_t)hash);
	found = find_row(find, &row);
	if (found == 0) {
		sqlite3_bind_int64(put, 1, (int64_t)hash);
		for (int i = 0; i < FACTS_TEXTS; i++)
			bind_text(put, 2 + i, texts[i]);
		sqlite3_bind_int64(put, 9, (int64_t)cpus);
		sqlite3_bind_int64(put, 10, (int64_t)memory_bytes);
		sqlite3_bind_int64(put, 11, s->collect.generation);
		found = put_row(s, put, &row);
	} else if (found > 0) {
		found = mark_used(s, SQL_USE_FACTS, &row);
	}
	return found < 0 || narrow(row.id, ret) ? -1 : remember(&s->names.facts, hash, *ret);
}
