// SPDX-License-Identifier: BSD-2-Clause
/* Heartbeats in the store, stores of other versions, and of somebody else's. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <sqlite3.h>
#include <time.h>

#include "server/packed.h"
#include "server_world.h"

#define MINUTE_NS 60000000000ll

/* A day of minutes with two clients, of host `number`. */
static void fill_beats(struct heartbeats *h, int number, int64_t t_ns, int minutes)
{
	assert_int_equal(heartbeats_init(h), 0);
	memset(h->host, number, sizeof(h->host));
	memset(h->facts_hash, 7, sizeof(h->facts_hash));
	for (int i = 0; i < minutes; i++) {
		int64_t row = heartbeats_beats_add(&h->beats);

		h->beats.t_ns[row] = t_ns + i * MINUTE_NS;
		h->beats.cpu_ns[row] = 5000000 + i;
		for (int k = 0; k < 2; k++) {
			int64_t client = heartbeats_clients_add(&h->clients);

			h->clients.beat[client] = row;
			h->clients.name[client] = heartbeats_intern(h, k ? "shop" : "pay");
			h->clients.cpu_avg_milli[client] = -1;
		}
	}
}

static void put(struct world *w, struct heartbeats *h, struct store_beats *ret)
{
	*ret = (struct store_beats){.batch = h};
	assert_int_equal(w->store->ops->put(w->store, NULL, 0, ret, 1, w->error), 0);
}

static sqlite3 *open_file(struct world *w)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/reports.db", w->directory);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static void no_complaint(void *ctx, const char *text)
{
	print_message("%s\n", text);
}

static void test_accepted(void **state)
{
	int64_t now_ns = time(NULL) * 1000000000ll;
	struct store_counts counts;
	struct store_beats result;
	struct heartbeats h;
	struct world w;

	world_init(&w);
	fill_beats(&h, 1, now_ns - 100 * MINUTE_NS, 100);
	put(&w, &h, &result);
	assert_int_equal(result.accepted, 100);
	assert_true(result.facts_wanted);
	/* Again, with the facts: no minute counts twice, and the facts are known from then on. */
	h.facts.present = h.facts.host.present = true;
	h.facts.host.cpus = 4;
	assert_int_equal(report_set(&h.facts.host.kernel, "6.1"), 0);
	put(&w, &h, &result);
	assert_int_equal(result.accepted, 0);
	assert_false(result.facts_wanted);
	h.facts.present = false;
	put(&w, &h, &result);
	assert_false(result.facts_wanted);
	h.facts_hash[3] ^= 1;
	put(&w, &h, &result);
	assert_true(result.facts_wanted);
	heartbeats_release(&h);
	/* Of a host whose clock is years ahead nothing stays, and it is not counted. */
	fill_beats(&h, 2, now_ns + 365 * 1440 * MINUTE_NS, 3);
	put(&w, &h, &result);
	assert_int_equal(result.accepted, 0);
	heartbeats_release(&h);
	assert_int_equal(w.store->ops->counts(w.store, &counts), 0);
	assert_int_equal(counts.beats, 100);
	assert_int_equal(w.store->ops->check(w.store, no_complaint, NULL), 0);
	world_release(&w);
}

/* What is packed says the same: numbers by column, names by their text's id. */
static void test_packed(void **state)
{
	int64_t now_ns = time(NULL) * 1000000000ll;
	struct store_beats result;
	struct heartbeats h;
	struct unpacked u;
	struct world w;
	sqlite3_stmt *st;
	sqlite3 *db;
	uint64_t pay, shop;

	world_init(&w);
	fill_beats(&h, 1, now_ns, 1);
	h.clients.cpu_max_milli[1] = 2500;
	put(&w, &h, &result);
	heartbeats_release(&h);
	db = open_file(&w);
	assert_int_equal(
		sqlite3_prepare_v2(db,
				   "SELECT beat, clients, (SELECT id FROM texts WHERE text='pay'),"
				   " (SELECT id FROM texts WHERE text='shop') FROM beats",
				   -1, &st, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	pay = sqlite3_column_int64(st, 2);
	shop = sqlite3_column_int64(st, 3);
	u.status = 0;
	u.at = sqlite3_column_blob(st, 0);
	u.end = u.at + sqlite3_column_bytes(st, 0);
	assert_int_equal(unpacked_u64(&u), 0); /* seconds */
	assert_int_equal(unpacked_u64(&u), 5000000);
	u.at = sqlite3_column_blob(st, 1);
	u.end = u.at + sqlite3_column_bytes(st, 1);
	assert_int_equal(unpacked_u64(&u), pay);
	assert_int_equal(unpacked_i64(&u), -1);
	for (int i = 0; i < 7; i++)
		assert_int_equal(unpacked_i64(&u), 0);
	unpacked_u64(&u); /* the version, which is "" */
	assert_int_equal(unpacked_u64(&u), shop);
	assert_int_equal(unpacked_i64(&u), -1);
	assert_int_equal(unpacked_i64(&u), 2500);
	assert_int_equal(u.status, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	world_release(&w);
}

static void test_kept(void **state)
{
	int64_t now_ns = time(NULL) * 1000000000ll;
	struct store_keep keep = {.beats_since_ns = now_ns - 50 * MINUTE_NS};
	struct store_counts counts;
	struct store_beats result;
	struct heartbeats h;
	struct world w;
	uint64_t dropped;
	int steps = 0;

	world_init(&w);
	fill_beats(&h, 1, now_ns - 5000 * MINUTE_NS, 5000);
	put(&w, &h, &result);
	heartbeats_release(&h);
	while (w.store->ops->keep(w.store, &keep, &dropped, w.error) == 1)
		assert_in_range(++steps, 1, 10);
	assert_in_range(steps, 2, 10);
	assert_int_equal(w.store->ops->counts(w.store, &counts), 0);
	assert_int_equal(counts.beats, 50);
	world_release(&w);
}

/* The tables of version 1, as it made them, with a host, a text and a function in them. */
static const char version_1[] =
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
	"INSERT INTO meta VALUES ('hash_key', x'000102030405060708090a0b0c0d0e0f');"
	"CREATE TABLE texts (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL UNIQUE, text TEXT NOT "
	"NULL);"
	"CREATE INDEX texts_text ON texts (text);"
	"CREATE TABLE hosts (id INTEGER PRIMARY KEY, host BLOB NOT NULL UNIQUE);"
	"CREATE TABLE facts (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL UNIQUE, cpu_model TEXT,"
	" disk TEXT, os TEXT, kernel TEXT, arch TEXT, virtualisation TEXT, agent TEXT, cpus "
	"INTEGER,"
	" memory_bytes INTEGER);"
	"CREATE TABLE functions (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL UNIQUE,"
	" name TEXT NOT NULL, module INTEGER NOT NULL);"
	"CREATE INDEX functions_name ON functions (name);"
	"CREATE TABLE stacks (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL,"
	" function INTEGER NOT NULL, UNIQUE (parent, function));"
	"CREATE TABLE reports (seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE,"
	" created_ns INTEGER NOT NULL, received_ns INTEGER NOT NULL, start_ns INTEGER,"
	" trigger_ns INTEGER, end_ns INTEGER, kind INTEGER NOT NULL, client INTEGER NOT NULL,"
	" version INTEGER NOT NULL, metric INTEGER NOT NULL, label INTEGER NOT NULL, host INTEGER,"
	" facts INTEGER NOT NULL, value REAL, expected REAL, threshold REAL, explanation TEXT,"
	" samples INTEGER, cpu_ns INTEGER, incomplete INTEGER, bytes INTEGER NOT NULL);"
	"CREATE INDEX reports_created ON reports (created_ns);"
	"CREATE INDEX reports_client ON reports (client, created_ns);"
	"CREATE INDEX reports_host ON reports (host, created_ns);"
	"CREATE TABLE bodies (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
	"CREATE TABLE profiles (seq INTEGER PRIMARY KEY, threads BLOB, stacks BLOB, series BLOB);"
	"CREATE TABLE function_blocks (block INTEGER NOT NULL, function INTEGER NOT NULL,"
	" bits BLOB NOT NULL, PRIMARY KEY (block, function)) WITHOUT ROWID;"
	"INSERT INTO hosts VALUES (1, x'01010101010101010101010101010101');"
	"INSERT INTO texts VALUES (1, 5, 'shop');"
	"PRAGMA user_version = 1;";

/* What version 2 had more, with a heartbeat of that host. */
static const char version_2[] =
	"CREATE TABLE beats (t_ns INTEGER NOT NULL, host INTEGER NOT NULL, beat BLOB NOT NULL,"
	" clients BLOB NOT NULL, processes BLOB NOT NULL, PRIMARY KEY (t_ns, host)) WITHOUT ROWID;"
	"ALTER TABLE hosts ADD COLUMN facts_hash BLOB;"
	"ALTER TABLE hosts ADD COLUMN facts INTEGER;"
	"ALTER TABLE hosts ADD COLUMN label INTEGER;"
	"INSERT INTO texts VALUES (2, 6, 'gone later');"
	"INSERT INTO beats VALUES (1764000000000000000, 1, x'00', x'01', x'');"
	"PRAGMA user_version = 2;";

/* A store of every older version goes on: what was in it stays, and new things go in. */
static void migrate(bool from_2)
{
	struct store_keep keep = {0};
	struct store_beats result;
	struct store_counts counts;
	uint64_t dropped, texts;
	struct heartbeats h;
	struct world w;
	char path[128];
	sqlite3 *db;

	world_init(&w);
	world_close(&w);
	snprintf(path, sizeof(path), "%s/reports.db", w.directory);
	assert_int_equal(remove(path), 0);
	db = open_file(&w);
	assert_int_equal(sqlite3_exec(db, version_1, NULL, NULL, NULL), SQLITE_OK);
	if (from_2)
		assert_int_equal(sqlite3_exec(db, version_2, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	/* Who only reads does not change it. */
	assert_int_equal(store_sqlite.open(w.directory, false, &w.store, w.error), -EPROTO);
	assert_int_equal(world_open(&w), 0);
	fill_beats(&h, 1, time(NULL) * 1000000000ll, 2);
	put(&w, &h, &result);
	assert_int_equal(result.accepted, 2);
	heartbeats_release(&h);
	assert_true(world_put(&w, 3, "shop"));
	assert_int_equal(w.store->ops->counts(w.store, &counts), 0);
	/* The host that was there is the one of the heartbeats; the report's is another. */
	assert_int_equal(counts.hosts, 2);
	assert_int_equal(w.store->ops->check(w.store, no_complaint, NULL), 0);
	world_close(&w);
	assert_int_equal(world_open(&w), 0);
	/* What an old heartbeat may have named stays as long as it does. */
	texts = counts.texts;
	while (w.store->ops->keep(w.store, &keep, &dropped, w.error) == 1)
		;
	assert_int_equal(w.store->ops->counts(w.store, &counts), 0);
	assert_int_equal(counts.hosts, 2);
	assert_int_equal(counts.texts, from_2 ? texts : texts - 1);
	keep = (struct store_keep){.reports_since_ns = INT64_MAX, .beats_since_ns = INT64_MAX};
	while (w.store->ops->keep(w.store, &keep, &dropped, w.error) == 1)
		;
	assert_int_equal(w.store->ops->counts(w.store, &counts), 0);
	assert_in_range(counts.texts, 1, 2);
	assert_int_equal(w.store->ops->check(w.store, no_complaint, NULL), 0);
	world_release(&w);
}

static void test_migration(void **state)
{
	migrate(false);
	migrate(true);
}

/* Two that write would each have their own idea of what is in it. */
static void test_alone(void **state)
{
	struct store *second = NULL;
	struct world w;

	world_init(&w);
	assert_int_equal(store_sqlite.open(w.directory, true, &second, w.error), -EBUSY);
	assert_non_null(strstr(w.error, w.directory));
	assert_int_equal(store_sqlite.open(w.directory, false, &second, w.error), 0);
	second->ops->close(second);
	world_release(&w);
}

static void test_newer(void **state)
{
	struct world w;
	sqlite3 *db;

	world_init(&w);
	world_close(&w);
	db = open_file(&w);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 1000", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(world_open(&w), -EPROTO);
	assert_non_null(strstr(w.error, "newer"));
	world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted), cmocka_unit_test(test_packed),
		cmocka_unit_test(test_kept),	 cmocka_unit_test(test_migration),
		cmocka_unit_test(test_alone),	 cmocka_unit_test(test_newer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
