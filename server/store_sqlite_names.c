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
	struct idmap *const maps[] = {&n->texts, &n->functions, &n->hosts, &n->facts};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		idmap_release(maps[i]);
		memset(maps[i], 0, sizeof(*maps[i]));
	}
	pairs_release(&n->stacks);
	memset(&n->stacks, 0, sizeof(n->stacks));
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

/* Runs a statement that finds the row of a key whose parameters are bound. 1, 0 or -1. */
static int find_row(sqlite3_stmt *st, int64_t *ret)
{
	int status = sqlite3_step(st);

	if (status == SQLITE_ROW)
		*ret = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return status == SQLITE_ROW ? 1 : status == SQLITE_DONE ? 0 : -1;
}

static int put_row(struct sqlite_store *s, sqlite3_stmt *st, int64_t *ret)
{
	int status = sqlite3_step(st);

	*ret = sqlite3_last_insert_rowid(s->db);
	sqlite3_reset(st);
	return status == SQLITE_DONE ? 0 : -1;
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

int names_text(struct sqlite_store *s, const char *text, uint32_t *ret)
{
	uint64_t hash = hash_texts(s, &text, 1);
	sqlite3_stmt *find = s->sql[SQL_FIND_TEXT], *put = s->sql[SQL_PUT_TEXT];
	int64_t id;
	int found;

	*ret = idmap_get(&s->names.texts, hash);
	if (*ret != IDMAP_NONE)
		return 0;
	sqlite3_bind_int64(find, 1, (int64_t)hash);
	found = find_row(find, &id);
	if (found == 0) {
		sqlite3_bind_int64(put, 1, (int64_t)hash);
		bind_text(put, 2, text);
		found = put_row(s, put, &id);
	}
	return found < 0 || narrow(id, ret) ? -1 : remember(&s->names.texts, hash, *ret);
}

int names_function(struct sqlite_store *s, const char *name, const char *module, uint32_t *ret)
{
	uint64_t hash = hash_texts(s, (const char *const[]){name, module}, 2);
	sqlite3_stmt *find = s->sql[SQL_FIND_FUNCTION], *put = s->sql[SQL_PUT_FUNCTION];
	uint32_t module_id;
	int64_t id;
	int found;

	*ret = idmap_get(&s->names.functions, hash);
	if (*ret != IDMAP_NONE)
		return 0;
	sqlite3_bind_int64(find, 1, (int64_t)hash);
	found = find_row(find, &id);
	if (found == 0) {
		if (names_text(s, module, &module_id))
			return -1;
		sqlite3_bind_int64(put, 1, (int64_t)hash);
		bind_text(put, 2, name);
		sqlite3_bind_int64(put, 3, module_id);
		found = put_row(s, put, &id);
	}
	return found < 0 || narrow(id, ret) ? -1 : remember(&s->names.functions, hash, *ret);
}

int names_stack(struct sqlite_store *s, uint32_t parent, uint32_t function, uint32_t *ret)
{
	sqlite3_stmt *find = s->sql[SQL_FIND_STACK], *put = s->sql[SQL_PUT_STACK];
	uint32_t *known;
	int64_t id;
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
	found = find_row(find, &id);
	if (found == 0) {
		sqlite3_bind_int64(put, 1, parent);
		sqlite3_bind_int64(put, 2, function);
		found = put_row(s, put, &id);
	}
	/* A failure ends the transaction, which forgets the tables. */
	if (found < 0 || narrow(id, ret))
		return -1;
	*known = *ret;
	return 0;
}

int names_host(struct sqlite_store *s, const uint8_t host[REPORT_ID_BYTES], uint32_t *ret)
{
	sqlite3_stmt *find = s->sql[SQL_FIND_HOST], *put = s->sql[SQL_PUT_HOST];
	struct siphash h;
	uint64_t hash;
	int64_t id;
	int found;

	siphash_init(&h, s->names.key);
	siphash_add(&h, host, REPORT_ID_BYTES);
	hash = siphash_result(&h);
	*ret = idmap_get(&s->names.hosts, hash);
	if (*ret != IDMAP_NONE)
		return 0;
	sqlite3_bind_blob(find, 1, host, REPORT_ID_BYTES, SQLITE_STATIC);
	found = find_row(find, &id);
	if (found == 0) {
		sqlite3_bind_blob(put, 1, host, REPORT_ID_BYTES, SQLITE_STATIC);
		found = put_row(s, put, &id);
	}
	return found < 0 || narrow(id, ret) ? -1 : remember(&s->names.hosts, hash, *ret);
}

int names_facts(struct sqlite_store *s, const char *const texts[FACTS_TEXTS], uint64_t cpus,
		uint64_t memory_bytes, uint32_t *ret)
{
	sqlite3_stmt *find = s->sql[SQL_FIND_FACTS], *put = s->sql[SQL_PUT_FACTS];
	const char *all[FACTS_TEXTS + 2];
	char n_cpus[24], memory[24];
	uint64_t hash;
	int64_t id;
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
	found = find_row(find, &id);
	if (found == 0) {
		sqlite3_bind_int64(put, 1, (int64_t)hash);
		for (int i = 0; i < FACTS_TEXTS; i++)
			bind_text(put, 2 + i, texts[i]);
		sqlite3_bind_int64(put, 9, (int64_t)cpus);
		sqlite3_bind_int64(put, 10, (int64_t)memory_bytes);
		found = put_row(s, put, &id);
	}
	return found < 0 || narrow(id, ret) ? -1 : remember(&s->names.facts, hash, *ret);
}
