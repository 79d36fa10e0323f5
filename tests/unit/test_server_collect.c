// SPDX-License-Identifier: BSD-2-Clause
/* What reports and heartbeats have named goes when nothing names it any more, and not before. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "server/store_sqlite.h"
#include "server_world.h"

#define MINUTE_NS 60000000000ll

static const struct store_keep all_go = {.reports_since_ns = INT64_MAX};

static void no_complaint(void *ctx, const char *text)
{
	if (!strstr(text, "they go in the background"))
		fail_msg("%s", text);
}

static void check(struct world *w)
{
	assert_int_equal(w->store->ops->check(w->store, no_complaint, NULL), 0);
}

static int keep(struct world *w, const struct store_keep *what)
{
	uint64_t dropped;
	int more = w->store->ops->keep(w->store, what, &dropped, w->error);

	assert_in_range(more, 0, 1);
	return more;
}

static int keep_all(struct world *w, const struct store_keep *what)
{
	int steps = 0;

	while (keep(w, what))
		assert_in_range(++steps, 1, 5000);
	return steps;
}

static struct store_counts counts_of(struct world *w)
{
	struct store_counts c;

	assert_int_equal(w->store->ops->counts(w->store, &c), 0);
	return c;
}

static int64_t number_of(struct world *w, const char *sql)
{
	int64_t n;

	assert_int_equal(sqlite_number(((struct sqlite_store *)w->store)->db, sql, &n), 0);
	return n;
}

/* The counts that are shown are those of the rows. */
static void check_counts(struct world *w)
{
	struct store_counts c = counts_of(w);

	assert_int_equal(c.texts, number_of(w, "SELECT count(*) FROM texts"));
	assert_int_equal(c.functions, number_of(w, "SELECT count(*) FROM functions"));
	assert_int_equal(c.stacks, number_of(w, "SELECT count(*) FROM stacks"));
	assert_int_equal(c.hosts, number_of(w, "SELECT count(*) FROM hosts"));
}

static void count_line(void *ctx, const char *text)
{
	++*(int *)ctx;
}

static void put_all(struct world *w, int first, int end)
{
	for (int number = first; number < end; number++)
		assert_true(world_put(w, number, "shop"));
}

static int count_row(void *ctx, const struct store_row *row)
{
	++*(int *)ctx;
	return 0;
}

/* Each report has a function of its own. All of them go, and the file gets small again. */
static void test_all_go(void **state)
{
	struct store_query q = {.function = "only_1"};
	struct store_counts before, after;
	struct world w;
	int rows = 0;

	world_init(&w);
	put_all(&w, 0, 1200);
	before = counts_of(&w);
	assert_true(before.functions >= 1200 && before.stacks >= 1200);
	keep_all(&w, &(struct store_keep){0});
	assert_true(keep_all(&w, &all_go) > 5);
	after = counts_of(&w);
	assert_int_equal(after.reports, 0);
	/* The last row of each table stays. */
	assert_int_equal(after.functions, 1);
	assert_int_equal(after.stacks, 1);
	assert_int_equal(after.hosts, 1);
	assert_in_range(after.texts, 1, 2);
	assert_int_equal(number_of(&w, "SELECT count(*) FROM function_blocks"), 0);
	assert_true(after.file_bytes < before.file_bytes / 4);
	check_counts(&w);
	check(&w);
	/* And in again, in this process and the next. */
	put_all(&w, 0, 3);
	check(&w);
	assert_int_equal(w.store->ops->list(w.store, &q, count_row, &rows, w.error), 0);
	assert_int_equal(rows, 1);
	world_close(&w);
	assert_int_equal(world_open(&w), 0);
	put_all(&w, 3, 6);
	keep_all(&w, &(struct store_keep){0});
	assert_int_equal(counts_of(&w).reports, 6);
	check_counts(&w);
	check(&w);
	world_release(&w);
}

/* Reports come in between any two steps; what they name stays, whether it is new or had nearly gone. */
static void test_ingest_goes_on(void **state)
{
	struct store_keep half = {0};
	int number = 3000, functions; /* a second of a receiver in each generation */
	struct world w;

	world_init(&w);
	for (int first = 0; first < number; first += 500) {
		put_all(&w, first, first + 500);
		keep_all(&w, &half);
	}
	functions = counts_of(&w).functions;
	half.bytes = counts_of(&w).bytes / 3;
	for (int step = 0; step < 400; step++) {
		keep(&w, &half);
		/* One of old has it too: its row is found on disk or made anew. */
		world_put(&w, step % 2 ? number++ : step, "shop");
		if (step % 50 == 0)
			check(&w);
	}
	check(&w);
	check_counts(&w);
	assert_in_range(counts_of(&w).functions, 100, functions / 2);
	assert_in_range(counts_of(&w).reports, 100, 2000);
	world_release(&w);
}

/* A report that stays keeps all that it names, also what was named first by one that is gone. */
static void test_stays(void **state)
{
	struct store_query q = {.function = "only_2000"};
	struct store_counts c;
	struct world w;
	int rows = 0;

	world_init(&w);
	put_all(&w, 0, 2000);
	keep_all(&w, &(struct store_keep){0});
	put_all(&w, 2000, 2001);
	assert_int_equal(sqlite3_exec(((struct sqlite_store *)w.store)->db,
				      "UPDATE reports SET received_ns = seq", NULL, NULL, NULL),
			 SQLITE_OK);
	keep_all(&w, &(struct store_keep){.reports_since_ns = 2001});
	c = counts_of(&w);
	assert_int_equal(c.reports, 1);
	assert_in_range(c.functions, 2, 600);
	check(&w);
	assert_int_equal(w.store->ops->list(w.store, &q, count_row, &rows, w.error), 0);
	assert_int_equal(rows, 1);
	world_release(&w);
}

/* A minute of a client that has a name of its own. */
static void put_beat(struct world *w, uint8_t host, int64_t t_ns, const char *client)
{
	struct heartbeats h;
	struct store_beats beats = {.batch = &h};

	assert_int_equal(heartbeats_init(&h), 0);
	memset(h.host, host, sizeof(h.host));
	assert_int_equal(heartbeats_beats_add(&h.beats), 0);
	assert_int_equal(heartbeats_clients_add(&h.clients), 0);
	h.beats.t_ns[0] = t_ns;
	h.clients.name[0] = heartbeats_intern(&h, client);
	assert_int_equal(w->store->ops->put(w->store, NULL, 0, &beats, 1, w->error), 0);
	assert_int_equal(beats.accepted, 1);
	heartbeats_release(&h);
}

static int64_t is_there(struct world *w, const char *client)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM texts WHERE text = '%s'", client);
	return number_of(w, sql);
}

/* Heartbeats come in any order; what they name stays for as long as one of its day may be there. */
static void test_heartbeats(void **state)
{
	struct store_keep keep = {.reports_since_ns = INT64_MAX};
	struct world w;

	world_init(&w);
	put_beat(&w, 3, 10 * DAY_NS + MINUTE_NS, "tenth");
	put_beat(&w, 4, 5 * DAY_NS + MINUTE_NS, "fifth");
	put_beat(&w, 3, 5 * DAY_NS + 2 * MINUTE_NS, "both");
	put_beat(&w, 5, 12 * DAY_NS, "both");
	put_beat(&w, 6, 20 * DAY_NS, "last");
	keep_all(&w, &keep);
	assert_int_equal(is_there(&w, "fifth") + is_there(&w, "tenth") + is_there(&w, "both"), 3);
	assert_int_equal(counts_of(&w).hosts, 4);
	keep.beats_since_ns = 9 * DAY_NS;
	keep_all(&w, &keep);
	assert_int_equal(counts_of(&w).hosts, 3);
	keep.beats_since_ns = 12 * DAY_NS;
	keep_all(&w, &keep);
	assert_int_equal(is_there(&w, "tenth") + is_there(&w, "fifth"), 0);
	assert_int_equal(is_there(&w, "both") + is_there(&w, "last"), 2);
	assert_int_equal(counts_of(&w).hosts, 2);
	/* The host that went comes again, and the text that had gone. */
	put_beat(&w, 4, 21 * DAY_NS, "fifth");
	assert_int_equal(is_there(&w, "fifth"), 1);
	check_counts(&w);
	check(&w);
	world_release(&w);
}

/* Each rule of the check that a generation has. */
static void test_check(void **state)
{
	static const char *const harm[] = {
		"UPDATE functions SET used = used + 1 WHERE id = 1",
		"UPDATE stacks SET used = 9 WHERE id = (SELECT max(id) FROM stacks)",
		"UPDATE stacks SET used = 0",
	};
	struct world w;

	for (size_t i = 0; i < sizeof(harm) / sizeof(harm[0]); i++) {
		int lines = 0;

		world_init(&w);
		put_all(&w, 0, 2);
		check(&w);
		assert_int_equal(sqlite3_exec(((struct sqlite_store *)w.store)->db, harm[i], NULL, NULL,
					      NULL),
				 SQLITE_OK);
		assert_true(w.store->ops->check(w.store, count_line, &lines) > 0);
		assert_true(lines > 0);
		world_release(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_go),	   cmocka_unit_test(test_ingest_goes_on),
		cmocka_unit_test(test_stays),	   cmocka_unit_test(test_heartbeats),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
