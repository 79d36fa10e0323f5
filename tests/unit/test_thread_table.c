// SPDX-License-Identifier: BSD-2-Clause
/* Exact time of threads: edges of the window, exits, the time line; and the order of records. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/record/event_queue.h"
#include "user/record/thread_table.h"

static const struct bd_thread one = {.tid = 100, .tgid = 100, .start_ns = 5};

static struct bd_task task_of(struct bd_thread id, uint64_t on_cpu, uint64_t wait)
{
	return (struct bd_task){
		.thread = id,
		.ns_tid = id.tid,
		.ns_tgid = id.tgid,
		.target = 1,
		.sums = {.on_cpu_ns = on_cpu, .wait_ns = wait, .voluntary = on_cpu / 10},
		.comm = "thread",
		.process = "process",
	};
}

/* A sum counts from the window's begin to its end, however long the thread lived before. */
static void test_edges(void **state)
{
	struct thread_table t = {0};
	struct bd_task begin = task_of(one, 1000, 50), end = task_of(one, 1700, 60);

	assert_int_equal(thread_table_edge(&t, &begin, NULL, NULL, COLLECTOR_BEGIN), 0);
	assert_int_equal(thread_table_edge(&t, &end, NULL, NULL, COLLECTOR_END), 0);
	struct bd_sums sums = thread_sums(&t.threads[0]);

	assert_int_equal(t.n, 1);
	assert_int_equal(sums.on_cpu_ns, 700);
	assert_int_equal(sums.wait_ns, 10);
	assert_int_equal(sums.voluntary, 70);
	thread_table_release(&t);
}

/* Of an exit, the final sums win over those at its begin, in any order; what an edge saw stays. */
static void test_exits(void **state)
{
	struct bd_exit exit = {.thread = one, .ns_tid = 100, .target = 1, .sums = {.on_cpu_ns = 90}};
	struct bd_free free_event = {.thread = one, .sums = {.on_cpu_ns = 120}, .target = 1};
	struct bd_task end = task_of(one, 80, 0);
	struct thread_table t = {0};

	assert_int_equal(thread_table_exit(&t, &exit), 0);
	assert_int_equal(thread_sums(&t.threads[0]).on_cpu_ns, 90);
	assert_int_equal(thread_table_free(&t, &free_event), 0);
	assert_int_equal(thread_sums(&t.threads[0]).on_cpu_ns, 120);
	assert_int_equal(thread_table_exit(&t, &exit), 0);
	assert_int_equal(thread_sums(&t.threads[0]).on_cpu_ns, 120);
	assert_true(t.threads[0].exited);
	thread_table_release(&t);

	/* Alive at the end of the window; that it ended afterwards is none of the window's. */
	assert_int_equal(thread_table_edge(&t, &end, NULL, NULL, COLLECTOR_END), 0);
	assert_int_equal(thread_table_exit(&t, &exit), 0);
	assert_int_equal(thread_table_free(&t, &free_event), 0);
	assert_int_equal(thread_sums(&t.threads[0]).on_cpu_ns, 80);
	assert_false(t.threads[0].exited);
	thread_table_release(&t);
}

/* One that ended just when the window began, before the iterator came by: its life isn't the window's. */
static void test_missed_at_the_begin(void **state)
{
	const struct bd_thread young = {.tid = 101, .tgid = 101, .start_ns = 1001};
	struct bd_exit exit = {.thread = one, .ns_tid = 100, .target = 1, .sums = {.on_cpu_ns = 90}};
	struct bd_free free_old = {.thread = one, .sums = {.on_cpu_ns = 120}, .target = 1};
	struct bd_free free_young = {.thread = young, .sums = {.on_cpu_ns = 30}, .target = 1};
	struct thread_table t = {.window_ns = 1000};

	/* It was seen to exit: what it did since counts. */
	assert_int_equal(thread_table_exit(&t, &exit), 0);
	assert_int_equal(thread_table_free(&t, &free_old), 0);
	assert_int_equal(thread_sums(&t.threads[0]).on_cpu_ns, 30);
	thread_table_release(&t);

	t = (struct thread_table){.window_ns = 1000};
	assert_int_equal(thread_table_free(&t, &free_old), 0);
	assert_int_equal(thread_sums(&t.threads[0]).on_cpu_ns, 0);
	assert_int_equal(thread_table_free(&t, &free_young), 0);
	assert_int_equal(thread_sums(&t.threads[1]).on_cpu_ns, 30);
	thread_table_release(&t);
}

/* A number that is used again is another thread; one that is ending keeps its name in /proc. */
static void test_identity(void **state)
{
	struct bd_thread again = {.tid = 100, .tgid = 100, .start_ns = 6};
	struct thread_table t = {0};

	assert_ptr_not_equal(thread_table_get(&t, &one), NULL);
	thread_table_names(&t.threads[0], 7, 7);
	thread_table_names(&t.threads[0], 0, 0);
	assert_int_equal(t.threads[0].ns_tid, 7);
	assert_non_null(thread_table_get(&t, &again));
	assert_int_equal(t.n, 2);
	assert_ptr_equal(thread_table_by_tid(&t, 100), &t.threads[1]);
	assert_null(thread_table_by_tid(&t, 5));
	thread_table_release(&t);
}

/* A run of 25 ms that ended in the middle of slot 7, after 12 ms of waiting. */
static void test_span(void **state)
{
	static const struct thread_slot expected[] = {
		{3, 0, 2000000},	{4, 0, 10000000}, {5, 10000000, 0},
		{6, 10000000, 0}, {7, 5000000, 0},
	};
	struct thread_table t = {.origin_slot = 1000};
	uint64_t until = (1000 + 7) * BD_SLOT_NS + 5000000;

	assert_int_equal(thread_table_span(&t, &one, until, 25000000, 12000000), 0);
	thread_table_sort_slots(&t);
	assert_int_equal(t.threads[0].nslots, 5);
	assert_memory_equal(t.threads[0].slots, expected, sizeof(expected));
	thread_table_release(&t);
}

/* Chunks come late and in any order; what lies before the window is cut off. */
static void test_chunks(void **state)
{
	struct thread_table t = {.origin_slot = 2 * BD_CHUNK_SLOTS + 1};
	struct bd_chunk late = {.number = 3}, early = {.number = 2};

	late.slots[0] = (struct bd_slot){30, 3};
	early.slots[0] = (struct bd_slot){99, 9};
	early.slots[1] = (struct bd_slot){10, 1};
	early.slots[63] = (struct bd_slot){20, 2};
	assert_int_equal(thread_table_chunk(&t, &one, &late), 0);
	assert_int_equal(thread_table_chunk(&t, &one, &early), 0);
	assert_int_equal(thread_table_span(&t, &one, (3 * 64 + 1) * BD_SLOT_NS, 5, 0), 0);
	thread_table_sort_slots(&t);
	static const struct thread_slot expected[] = {{0, 10, 1}, {62, 20, 2}, {63, 35, 3}};

	assert_int_equal(t.threads[0].nslots, 3);
	assert_memory_equal(t.threads[0].slots, expected, sizeof(expected));
	thread_table_release(&t);
}

/* No slot holds more than its 10 ms: what is over waited in the slot before. */
static void test_spill(void **state)
{
	struct thread_table t = {.origin_slot = 0};
	struct bd_chunk chunk = {.number = 1};
	const uint32_t ms = 1000000;

	chunk.slots[4] = (struct bd_slot){2 * ms, 3 * ms};
	chunk.slots[5] = (struct bd_slot){4 * ms, 7 * ms};
	chunk.slots[8] = (struct bd_slot){9 * ms, 2 * ms};
	assert_int_equal(thread_table_chunk(&t, &one, &chunk), 0);
	thread_table_sort_slots(&t);
	const struct thread_slot expected[] = {
		{68, 2 * ms, 4 * ms}, {69, 4 * ms, 6 * ms}, {72, 9 * ms, ms}};

	assert_memory_equal(t.threads[0].slots, expected, sizeof(expected));
	thread_table_release(&t);
}

struct seen {
	char text[64];
	size_t n;
};

static void see(void *arg, const void *data, size_t bytes)
{
	struct seen *s = arg;

	memcpy(s->text + s->n, data, bytes);
	s->n += bytes;
	s->text[s->n] = '\0';
}

/* Records of many rings in one order, and those that are too fresh later. */
static void test_queue(void **state)
{
	struct event_queue *q;
	struct seen s = {.n = 0};

	assert_int_equal(event_queue_new(&q), 0);
	event_queue_push(q, 30, see, "c", 1);
	event_queue_push(q, 10, see, "a1", 2);
	event_queue_push(q, 40, see, "dddddddddddd", 12);
	event_queue_push(q, 10, see, "a2", 2);
	event_queue_push(q, 20, see, "bbbbbbbbbb", 10);
	event_queue_run(q, 25, &s);
	assert_string_equal(s.text, "a1a2bbbbbbbbbb");
	assert_int_equal(event_queue_waiting(q), 2);
	event_queue_push(q, 35, see, "x", 1);
	event_queue_run(q, 39, &s);
	assert_string_equal(s.text, "a1a2bbbbbbbbbbcx");
	event_queue_run(q, UINT64_MAX, &s);
	assert_string_equal(s.text, "a1a2bbbbbbbbbbcxdddddddddddd");
	assert_int_equal(event_queue_waiting(q), 0);
	event_queue_free(q);
	event_queue_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges), cmocka_unit_test(test_exits),
		cmocka_unit_test(test_missed_at_the_begin),
		cmocka_unit_test(test_identity), cmocka_unit_test(test_span),
		cmocka_unit_test(test_chunks), cmocka_unit_test(test_spill), cmocka_unit_test(test_queue),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
