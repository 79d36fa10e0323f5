// SPDX-License-Identifier: BSD-2-Clause
/* The store of the receiver: in, out, queries, retention, check and backup. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <sqlite3.h>

#include "server/store_sqlite.h"
#include "server_world.h"

struct seen {
	int n, stop;
	int number[64];
	int64_t last_ns, last_seq;
	char client[64];
};

static int see(void *ctx, const struct store_row *row)
{
	struct seen *s = ctx;

	if (s->stop && s->n == s->stop)
		return 1;
	assert_in_range(s->n, 0, 63);
	memcpy(&s->number[s->n++], row->id, sizeof(int));
	s->last_ns = row->created_ns;
	s->last_seq = row->seq;
	snprintf(s->client, sizeof(s->client), "%s", row->client);
	return 0;
}

static void list(struct world *w, const struct store_query *q, struct seen *s)
{
	int stop = s->stop;

	memset(s, 0, sizeof(*s));
	s->stop = stop;
	assert_int_equal(w->store->ops->list(w->store, q, see, s, w->error), 0);
}

static void complain(void *ctx, const char *text)
{
	print_message("%s\n", text);
	++*(int *)ctx;
}

static int64_t check(struct world *w)
{
	int lines = 0;
	int64_t wrong = w->store->ops->check(w->store, complain, &lines);

	assert_int_equal(wrong, lines);
	return wrong;
}

static void run_sql(struct world *w, const char *sql)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/reports.db", w->directory);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int64_t number_of(struct world *w, const char *sql)
{
	char path[128];
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t n;

	snprintf(path, sizeof(path), "%s/reports.db", w->directory);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

/* The bytes come back as they were, also after the store has been opened again. */
static void test_bytes(void **state)
{
	struct parcel p;
	struct answer a;
	struct world w;
	struct report r;
	struct out out;
	void *back;
	size_t size;

	world_init(&w);
	world_report(&r, 7, "shop");
	world_encode(&r, &out);
	assert_int_equal(world_read(&w, false, out.data, out.n, &p, &a), 0);
	assert_int_equal(w.store->ops->put(w.store, p.items, 1, NULL, 0, w.error), 0);
	assert_true(p.items[0].stored);
	parcel_release(&p);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(w.store->ops->get(w.store, r.id, &back, &size, w.error), 0);
		assert_int_equal(size, out.n);
		assert_memory_equal(back, out.data, size);
		free(back);
		world_close(&w);
		assert_int_equal(world_open(&w), 0);
	}
	r.id[0] ^= 1;
	assert_int_equal(w.store->ops->get(w.store, r.id, &back, &size, w.error), -ENOENT);
	out_release(&out);
	report_release(&r);
	world_release(&w);
}

/* The same id twice is one report: in one transaction, in two, and after a start. */
static void test_twice(void **state)
{
	struct store_query all = {0};
	struct seen seen = {0};
	struct world w;

	world_init(&w);
	assert_true(world_put(&w, 1, "shop"));
	assert_false(world_put(&w, 1, "shop"));
	world_close(&w);
	assert_int_equal(world_open(&w), 0);
	assert_false(world_put(&w, 1, "shop"));
	assert_true(world_put(&w, 2, "shop"));
	list(&w, &all, &seen);
	assert_int_equal(seen.n, 2);
	assert_int_equal(check(&w), 0);
	world_release(&w);
}

static void test_one_transaction(void **state)
{
	struct store_item items[3];
	struct parcel p[3];
	struct answer a;
	struct world w;

	world_init(&w);
	for (int i = 0; i < 3; i++) {
		struct report r;
		struct out out;

		world_report(&r, i == 2 ? 0 : i, "shop");
		world_encode(&r, &out);
		assert_int_equal(world_read(&w, false, out.data, out.n, &p[i], &a), 0);
		items[i] = p[i].items[0];
		out_release(&out);
		report_release(&r);
	}
	assert_int_equal(w.store->ops->put(w.store, items, 3, NULL, 0, w.error), 0);
	assert_true(items[0].stored);
	assert_true(items[1].stored);
	assert_false(items[2].stored);
	for (int i = 0; i < 3; i++)
		parcel_release(&p[i]);
	world_release(&w);
}

/* Texts, functions and stacks are there once, however many reports have them. */
static void test_interned(void **state)
{
	int64_t functions, stacks, texts;
	struct world w;

	world_init(&w);
	world_put(&w, 0, "shop");
	functions = number_of(&w, "SELECT count(*) FROM functions");
	stacks = number_of(&w, "SELECT count(*) FROM stacks");
	texts = number_of(&w, "SELECT count(*) FROM texts");
	assert_in_range(functions, 3, 1000);
	for (int i = 1; i < 20; i++)
		world_put(&w, i, "shop");
	/* Each has one function, and one stack of it, of its own. */
	assert_int_equal(number_of(&w, "SELECT count(*) FROM functions"), functions + 19);
	assert_int_equal(number_of(&w, "SELECT count(*) FROM stacks"), stacks + 19);
	assert_int_equal(number_of(&w, "SELECT count(*) FROM texts"), texts);
	assert_int_equal(number_of(&w, "SELECT count(*) FROM hosts"), 2);
	assert_int_equal(number_of(&w, "SELECT count(*) FROM facts"), 1);
	assert_int_equal(check(&w), 0);
	world_release(&w);
}

static void test_filters(void **state)
{
	static const struct {
		const char *client, *kind, *function;
		int host, since, until, found;
	} cases[] = {
		{NULL, NULL, NULL, -1, -1, -1, 12},	   {"shop", NULL, NULL, -1, -1, -1, 8},
		{"pay", NULL, NULL, -1, -1, -1, 4},	   {"none", NULL, NULL, -1, -1, -1, 0},
		{NULL, "threshold", NULL, -1, -1, -1, 12}, {NULL, "crash", NULL, -1, -1, -1, 0},
		{NULL, NULL, "only_3", -1, -1, -1, 1},	   {"pay", NULL, "only_3", -1, -1, -1, 1},
		{"shop", NULL, "only_3", -1, -1, -1, 0},   {NULL, NULL, "nowhere", -1, -1, -1, 0},
		{NULL, NULL, NULL, 1, -1, -1, 6},	   {NULL, NULL, NULL, 9, -1, -1, 0},
		{NULL, NULL, NULL, -1, 4, -1, 8},	   {NULL, NULL, NULL, -1, -1, 4, 4},
		{NULL, NULL, NULL, -1, 4, 6, 2},	   {"shop", NULL, NULL, 2, 4, -1, 3},
	};
	const int64_t created_ns = 1700000003000000000;
	struct world w;

	world_init(&w);
	for (int i = 0; i < 12; i++)
		world_put(&w, i, i % 3 ? "shop" : "pay");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct store_query q = {
			.client = cases[i].client,
			.kind = cases[i].kind,
			.function = cases[i].function,
			.has_host = cases[i].host >= 0,
		};
		struct seen seen = {0};

		memset(q.host, cases[i].host, sizeof(q.host));
		if (cases[i].since >= 0)
			q.since_ns = created_ns + cases[i].since * 1000000000ll;
		if (cases[i].until >= 0)
			q.until_ns = created_ns + cases[i].until * 1000000000ll;
		list(&w, &q, &seen);
		if (seen.n != cases[i].found)
			fail_msg("case %zu: %d found, and not %d", i, seen.n, cases[i].found);
		for (int k = 1; k < seen.n; k++)
			assert_in_range(seen.number[k], 0, seen.number[k - 1] - 1);
	}
	world_release(&w);
}

/* Pages together are the whole list, also where many have one time. */
static void test_pages(void **state)
{
	struct store_query q = {.limit = 4};
	int seen_in_all = 0, before = 100;
	struct world w;

	world_init(&w);
	for (int i = 0; i < 10; i++)
		world_put(&w, i, "shop");
	run_sql(&w, "UPDATE reports SET created_ns = 5 WHERE seq > 3");
	for (int page = 0; page < 3; page++) {
		struct seen seen = {0};

		list(&w, &q, &seen);
		assert_int_equal(seen.n, page < 2 ? 4 : 2);
		for (int i = 0; i < seen.n; i++)
			seen_in_all |= 1 << seen.number[i];
		q.has_cursor = true;
		q.cursor_ns = seen.last_ns;
		q.cursor_seq = seen.last_seq;
		assert_int_not_equal(seen.last_seq, before);
		before = seen.last_seq;
	}
	assert_int_equal(seen_in_all, 0x3ff);
	world_release(&w);
}

/* More reports than one block of the index has, found by a function that few have. */
static void test_blocks(void **state)
{
	struct store_query q = {.function = "only_3"};
	struct seen seen = {0};
	struct world w;

	world_init(&w);
	for (int i = 0; i < 530; i++) {
		world_put(&w, i, "shop");
		/* What a block holds so far comes from disk then. */
		if (i % 200 == 199) {
			world_close(&w);
			assert_int_equal(world_open(&w), 0);
		}
	}
	list(&w, &q, &seen);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.number[0], 3);
	q.function = "only_529";
	list(&w, &q, &seen);
	assert_int_equal(seen.n, 1);
	assert_int_equal(number_of(&w, "SELECT count(DISTINCT block) FROM function_blocks"), 2);
	assert_int_equal(check(&w), 0);
	world_release(&w);
}

/* Reports whose functions are all different: what is in memory of a block stays small, and all of
 * them are found. */
static void test_many_functions(void **state)
{
	struct store_query q = {0};
	struct seen seen = {0};
	struct world w;

	world_init(&w);
	for (int number = 0; number < 4; number++) {
		struct report r;
		struct parcel p;
		struct answer a;
		struct out out;
		char name[32];

		world_report(&r, number, "shop");
		for (int i = 0; i < 19000; i++) {
			snprintf(name, sizeof(name), "other_%d_%d", number, i);
			sample_stack(&r, -1, sample_frame(&r, name, "native", -1, 0));
		}
		world_encode(&r, &out);
		assert_int_equal(world_read(&w, false, out.data, out.n, &p, &a), 0);
		assert_int_equal(p.dropped, 0);
		assert_int_equal(w.store->ops->put(w.store, p.items, 1, NULL, 0, w.error), 0);
		assert_in_range(((struct sqlite_store *)w.store)->blocks.n, 1, BLOCK_ROWS_MAX);
		parcel_release(&p);
		out_release(&out);
		report_release(&r);
	}
	for (int number = 0; number < 4; number++) {
		char name[32];

		snprintf(name, sizeof(name), "other_%d_%d", number, number * 6000);
		q.function = name;
		list(&w, &q, &seen);
		assert_int_equal(seen.n, 1);
		assert_int_equal(seen.number[0], number);
	}
	q.function = "only_2";
	list(&w, &q, &seen);
	assert_int_equal(seen.n, 1);
	assert_int_equal(check(&w), 0);
	world_release(&w);
}

static void test_remove(void **state)
{
	struct store_query q = {.function = "only_1"};
	uint8_t id[REPORT_ID_BYTES] = {1, [15] = 1};
	struct seen seen = {0};
	struct world w;

	world_init(&w);
	for (int i = 0; i < 3; i++)
		world_put(&w, i, "shop");
	assert_int_equal(w.store->ops->remove(w.store, id, w.error), 0);
	assert_int_equal(w.store->ops->remove(w.store, id, w.error), -ENOENT);
	list(&w, &q, &seen);
	assert_int_equal(seen.n, 0);
	/* Nobody gets the number of one that is gone, and with it its functions. */
	world_close(&w);
	assert_int_equal(world_open(&w), 0);
	world_put(&w, 9, "shop");
	list(&w, &q, &seen);
	assert_int_equal(seen.n, 0);
	assert_int_equal(check(&w), 0);
	world_release(&w);
}

static void keep_all(struct world *w, const struct store_keep *keep, uint64_t expected)
{
	uint64_t dropped, sum = 0;
	int more, steps = 0;

	do {
		more = w->store->ops->keep(w->store, keep, &dropped, w->error);
		assert_in_range(more, 0, 1);
		assert_in_range(dropped, 0, 32);
		sum += dropped;
	} while (more && ++steps < 1000);
	assert_int_equal(sum, expected);
}

static void test_keep_by_age(void **state)
{
	struct store_keep keep = {.reports_since_ns = 1000};
	struct store_query all = {0};
	struct seen seen = {0};
	struct world w;

	world_init(&w);
	for (int i = 0; i < 100; i++)
		world_put(&w, i, "shop");
	keep_all(&w, &(struct store_keep){0}, 0); /* as many as came since may go in a step */
	run_sql(&w, "UPDATE reports SET received_ns = 10 * seq");
	keep_all(&w, &keep, 99);
	list(&w, &all, &seen);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.number[0], 99);
	keep_all(&w, &keep, 0);
	assert_int_equal(check(&w), 0);
	world_release(&w);
}

static void test_keep_by_size(void **state)
{
	struct store_keep keep = {.bytes = 1};
	struct store_counts counts;
	struct world w;

	world_init(&w);
	for (int i = 0; i < 300; i++)
		world_put(&w, i, "shop");
	assert_int_equal(w.store->ops->counts(w.store, &counts), 0);
	assert_int_equal(counts.reports, 300);
	keep_all(&w, &(struct store_keep){0}, 0);
	keep.bytes = counts.bytes / 2;
	do {
		uint64_t dropped;

		assert_in_range(w.store->ops->keep(w.store, &keep, &dropped, w.error), 0, 1);
		assert_int_equal(w.store->ops->counts(w.store, &counts), 0);
		assert_in_range(dropped, counts.bytes > keep.bytes, 32);
	} while (counts.bytes > keep.bytes);
	assert_in_range(counts.reports, 32, 200);
	assert_int_equal(check(&w), 0);
	world_release(&w);
}

/* What is damaged is found, each kind by its rule. */
static void test_check(void **state)
{
	static const struct {
		const char *sql;
		int wrong;
	} cases[] = {
		{"DELETE FROM bodies WHERE seq = 2", 1},
		{"DELETE FROM profiles WHERE seq = 2", 1},
		{"DELETE FROM reports WHERE seq = 2", 2},
		{"UPDATE bodies SET bytes = x'00' WHERE seq = 1", 1},
		{"UPDATE bodies SET bytes = (SELECT bytes FROM bodies WHERE seq = 2) WHERE seq = 1",
		 1},
		{"UPDATE profiles SET stacks = x'ff' WHERE seq = 1", 1},
		{"UPDATE profiles SET stacks = x'ffff0f01' WHERE seq = 1", 1},
		{"UPDATE profiles SET series = x'0501' WHERE seq = 1", 1},
		{"UPDATE reports SET client = 999 WHERE seq = 3", 1},
		{"DELETE FROM hosts WHERE id = 1", 2},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;

		world_init(&w);
		for (int k = 0; k < 3; k++)
			world_put(&w, k, "shop");
		assert_int_equal(check(&w), 0);
		run_sql(&w, cases[i].sql);
		if (check(&w) != cases[i].wrong)
			fail_msg("case %zu: not %d", i, cases[i].wrong);
		world_release(&w);
	}
}

static void test_backup(void **state)
{
	struct store_query all = {0};
	struct seen seen = {0};
	struct world w, copy;
	char path[128];

	world_init(&w);
	world_init(&copy);
	world_close(&copy);
	for (int i = 0; i < 5; i++)
		world_put(&w, i, "shop");
	snprintf(path, sizeof(path), "%s/reports.db", copy.directory);
	assert_int_equal(w.store->ops->backup(w.store, path, w.error), -EEXIST);
	assert_int_equal(remove(path), 0);
	assert_int_equal(w.store->ops->backup(w.store, path, w.error), 0);
	world_put(&w, 5, "shop");
	assert_int_equal(world_open(&copy), 0);
	list(&copy, &all, &seen);
	assert_int_equal(seen.n, 5);
	assert_int_equal(check(&copy), 0);
	world_release(&copy);
	world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_one_transaction), cmocka_unit_test(test_interned),
		cmocka_unit_test(test_filters),		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_blocks),		cmocka_unit_test(test_many_functions),
		cmocka_unit_test(test_remove),		cmocka_unit_test(test_keep_by_age),
		cmocka_unit_test(test_keep_by_size),	cmocka_unit_test(test_check),
		cmocka_unit_test(test_backup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
