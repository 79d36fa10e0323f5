// SPDX-License-Identifier: BSD-2-Clause
/* Seconds of threads: whole ones and cut ones, the busiest of many, and no more than there is room for. */
#include "tests/unit/clients_world.h"
#include "user/clients/thread_history.h"

static int64_t row_of(struct report *r, uint32_t tid, uint64_t start_ns)
{
	int64_t row = report_threads_add(&r->threads);

	assert_true(row >= 0);
	r->threads.tid[row] = tid;
	r->threads.start_ns[row] = start_ns;
	return row;
}

/* Of what thread it was last said whose it is. */
struct heard {
	unsigned n;
	struct bd_thread last;
	uint64_t client;
};

static void hear(void *arg, const struct bd_thread *id, uint64_t client)
{
	struct heard *heard = arg;

	heard->n++;
	heard->last = *id;
	heard->client = client;
}

static void next_taken(struct world *w, struct thread_history *h)
{
	next(w);
	assert_int_equal(thread_history_take(h, w->clients, w->second.t_ns), 0);
}

static void is_row(const struct report *r, size_t i, uint64_t end_ns, uint32_t span_ms, int32_t thread,
		   uint32_t threads, uint32_t on_cpu_ms)
{
	const struct report_thread_seconds *t = &r->thread_seconds;

	assert_true(i < t->n);
	assert_int_equal(t->t_ns[i], end_ns);
	assert_int_equal(t->span_us[i], span_ms * 1000);
	assert_int_equal(t->thread[i], thread);
	assert_int_equal(t->threads[i], threads);
	assert_int_equal(t->on_cpu_us[i], on_cpu_ms * 1000);
}

static void test_seconds(void **state)
{
	struct world *w = world_new("[client \"a\"]\nmatch_comm = a\n[client \"b\"]\nmatch_comm = b\n");
	struct bd_task *a = process(w, 10, 1, "a", "/x"), *b = process(w, 20, 1, "b", "/x");
	struct bd_task *a2 = thread(w, a, 11), *c = process(w, 30, 1, "c", "/x");
	struct thread_history h;
	struct report r;

	thread_history_init(&h, 60 * SECOND);
	assert_int_equal(report_init(&r), 0);
	used(a, 5000, 0);
	next_taken(w, &h);
	uint64_t from_ns = w->now_ns;

	used(a, 600, 100);
	used(a2, 900, 0);
	used(b, 10, 0);
	used(c, 700, 0);
	next_taken(w, &h);
	/* Nothing runs in this second, in the next one of two threads one ends within it. */
	next_taken(w, &h);
	used(a2, 50, 0);
	struct bd_task dead = *a2;

	exited(w, &dead, 950);
	gone(w, 11);
	next_taken(w, &h);
	/* A crash in the middle of a second: a look, not a pass. */
	used(a, 250, 0);
	assert_int_equal(clients_look(w->clients, a), 0);
	assert_int_equal(thread_history_take(&h, w->clients, w->now_ns + 400 * MS), 0);
	used(a, 50, 0);
	next_taken(w, &h);

	row_of(&r, 11, dead.thread.start_ns);
	row_of(&r, 10, a->thread.start_ns + 1); /* the number is another thread's now */
	row_of(&r, 10, a->thread.start_ns);
	assert_int_equal(thread_history_report(&h, "a", 0, 7, &r), 0);
	assert_int_equal(r.thread_seconds.n, 5);
	is_row(&r, 0, from_ns + SECOND + 7, 1000, 0, 1, 900);
	is_row(&r, 1, from_ns + SECOND + 7, 1000, 2, 1, 600);
	is_row(&r, 2, from_ns + 3 * SECOND + 7, 1000, 0, 1, 50);
	is_row(&r, 3, from_ns + 3 * SECOND + 400 * MS + 7, 400, 2, 1, 250);
	is_row(&r, 4, from_ns + 4 * SECOND + 7, 600, 2, 1, 50);
	/* Seconds that ended before the window aren't in it; a thread without a row is in the sum. */
	r.thread_seconds.n = 0;
	r.threads.start_ns[2]++;
	assert_int_equal(thread_history_report(&h, "a", from_ns + SECOND + 7, 7, &r), 0);
	assert_int_equal(r.thread_seconds.n, 3);
	is_row(&r, 2, from_ns + 4 * SECOND + 7, 600, -1, 1, 50);
	r.thread_seconds.n = 0;
	assert_int_equal(thread_history_report(&h, "nobody", 0, 0, &r), 0);
	assert_int_equal(r.thread_seconds.n, 0);
	assert_int_equal(r.loss.reasons.n, 0);
	report_release(&r);
	thread_history_release(&h);
	world_free(w);
}

/* 100 threads run, 64 have a row; whose each one is is told of all. */
static void test_the_busiest(void **state)
{
	struct heard heard = { 0 };
	struct world *w = world_new("[client \"a\"]\nmatch_comm = a\n");
	struct bd_task *tasks[100] = { process(w, 10, 1, "a", "/x") };
	struct thread_history h;
	struct report r;
	uint64_t sum = 0;

	for (unsigned i = 1; i < 100; i++)
		tasks[i] = thread(w, tasks[0], 100 + i);
	thread_history_init(&h, 60 * SECOND);
	assert_int_equal(report_init(&r), 0);
	next_taken(w, &h);
	h.heard = hear;
	h.arg = &heard;
	for (unsigned i = 0; i < 100; i++)
		used(tasks[i], 1 + (i * 37) % 100, 0);
	next_taken(w, &h);
	assert_int_equal(heard.n, 100);
	assert_true(heard.client == thread_history_client("a"));
	assert_memory_equal(&heard.last, &tasks[99]->thread, sizeof(heard.last));
	for (unsigned i = 0; i < 100; i++)
		row_of(&r, tasks[i]->ns_tid, tasks[i]->thread.start_ns);
	assert_int_equal(thread_history_report(&h, "a", 0, 0, &r), 0);
	assert_int_equal(r.thread_seconds.n, THREAD_HISTORY_BUSIEST + 1);
	for (size_t i = 0; i < r.thread_seconds.n; i++)
		sum += r.thread_seconds.on_cpu_us[i];
	assert_int_equal(sum, 5050 * 1000);
	is_row(&r, 64, w->now_ns, 1000, -1, 36, 36 * 37 / 2);
	report_release(&r);
	thread_history_release(&h);
	world_free(w);
}

/* More than there is room for: whole seconds go, the oldest first, and the report says so. */
static void test_room(void **state)
{
	struct world *w = world_new("[client \"%unit\"]\nmatch_unit = *.service\n");
	struct thread_history h;
	struct report r;
	uint32_t pid = 10;
	char group[64];

	for (unsigned unit = 0; unit < 12; unit++) {
		snprintf(group, sizeof(group), "/system.slice/u%u.service", unit);
		struct bd_task *leader = process(w, pid++, 1, "a", group);

		for (unsigned i = 1; i < THREAD_HISTORY_BUSIEST; i++)
			thread(w, leader, pid++);
	}
	thread_history_init(&h, 600 * SECOND);
	assert_int_equal(report_init(&r), 0);
	next_taken(w, &h);
	for (unsigned second = 0; second < 50; second++) {
		for (size_t i = 0; i < w->n; i++)
			used(&w->tasks[i], 5, 0);
		next_taken(w, &h);
		assert_true(h.n - h.first <= THREAD_HISTORY_ROWS && h.cap <= 2 * THREAD_HISTORY_ROWS + 1024);
	}
	size_t held = THREAD_HISTORY_ROWS / w->n;

	for (size_t i = 0; i < w->n; i++)
		row_of(&r, w->tasks[i].ns_tid, w->tasks[i].thread.start_ns);
	assert_int_equal(thread_history_report(&h, "u3.service", 0, 0, &r), 0);
	assert_int_equal(r.thread_seconds.n, held * THREAD_HISTORY_BUSIEST);
	is_row(&r, 0, w->now_ns - (held - 1) * SECOND, 1000, 3 * 64, 1, 5);
	assert_int_equal(r.loss.reasons.n, 1);
	assert_string_equal(r.loss.reasons.name[0], "thread seconds: no room for the oldest ones");
	assert_int_equal(r.loss.reasons.count[0], (50 - held) * w->n);
	report_release(&r);
	/* What is older than it is kept goes without a word. */
	assert_int_equal(report_init(&r), 0);
	h.keep_ns = 5 * SECOND;
	next_taken(w, &h);
	assert_int_equal(thread_history_report(&h, "u3.service", w->now_ns - 5 * SECOND, 0, &r), 0);
	assert_int_equal(r.loss.reasons.n, 0);
	report_release(&r);
	thread_history_release(&h);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_the_busiest),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
