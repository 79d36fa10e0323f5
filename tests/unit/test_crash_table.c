// SPDX-License-Identifier: BSD-2-Clause
/* Deaths put together: parts of a stack, and when a crash is complete. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/record/crash.h"

#define PID 100
#define STACK 0x7fff00000000ULL
#define MS 1000000ULL

static const struct bd_thread first = {PID, PID, 1}, second = {PID + 1, PID, 2};

static void begin(struct crash_table *t, uint32_t nthreads)
{
	const struct bd_crash event = {
		.head = {BD_CRASH, 0, 1000 * MS},
		.thread = first,
		.nthreads = nthreads,
	};

	assert_int_equal(crash_table_begin(t, &event), 0);
}

static void come(struct crash_table *t, const struct bd_thread *thread)
{
	const struct bd_crash_thread event = {
		.sample = {.head = {BD_CRASH_THREAD, 0, 1001 * MS}, .thread = *thread, .user_stack = 7},
	};

	assert_int_equal(crash_table_thread(t, &event), 0);
}

static void count(void *arg, struct crash *c)
{
	++*(size_t *)arg;
}

static size_t closed_at(struct crash_table *t, uint64_t now_ns)
{
	size_t n = 0;

	crash_table_run(t, now_ns, count, &n);
	return n;
}

/* --- parts */
/* What comes of a part: the registers, and *ret has the memory. */
static const struct bd_late *part_add(struct crash_table *t, struct bd_late *late,
				      const struct bd_thread *thread, uint32_t part, uint32_t bytes,
				      struct unwind_memory *ret)
{
	late->sample.thread = *thread;
	late->part = part;
	late->ip = 0x1000 + part;
	late->bytes = bytes;
	memset(late->copy, (int)part + 1, bytes);
	*ret = (struct unwind_memory){
		.base = STACK + (uint64_t)part * BD_COPY_BYTES,
		.data = late->copy,
		.bytes = bytes,
	};
	return crash_table_copy(t, late, ret);
}

static void test_parts(void **state)
{
	struct bd_late *late = calloc(1, sizeof(*late));
	struct crash_table t = {0};
	struct unwind_memory m;
	const struct bd_late *head;

	assert_non_null(late);
	begin(&t, 2);
	/* One that is whole is what it is. */
	assert_ptr_equal(part_add(&t, late, &first, 0, 4096, &m), late);
	assert_ptr_equal(m.data, late->copy);
	for (uint32_t part = 0; part < 3; part++) {
		uint32_t bytes = part < 2 ? BD_COPY_BYTES : 100;

		head = part_add(&t, late, &first, part, bytes, &m);
		assert_non_null(head);
		assert_int_equal(head->ip, 0x1000);
		assert_int_equal(m.base, STACK);
		assert_int_equal(m.bytes, (uint64_t)part * BD_COPY_BYTES + bytes);
		for (uint32_t k = 0; k <= part; k++)
			assert_int_equal(((const char *)m.data)[(size_t)k * BD_COPY_BYTES], k + 1);
	}
	/* Behind one that is missing, of another thread, of another process, beyond the most. */
	assert_null(part_add(&t, late, &first, 4, 100, &m));
	assert_null(part_add(&t, late, &second, 3, 100, &m));
	assert_null(part_add(&t, late, &(struct bd_thread){1, 1, 1}, 1, 100, &m));
	assert_null(part_add(&t, late, &first, BD_CRASH_PARTS, 100, &m));
	/* Its record is the last of it. */
	come(&t, &first);
	assert_null(part_add(&t, late, &first, 3, 100, &m));
	crash_table_release(&t);
	free(late);
}

/* --- complete */
static void test_complete(void **state)
{
	struct crash_table t = {0};

	begin(&t, 2);
	come(&t, &first);
	assert_int_equal(closed_at(&t, 1500 * MS), 0);
	come(&t, &second);
	assert_int_equal(closed_at(&t, 1500 * MS), 1);
	assert_int_equal(t.ndone, 1);
	crash_table_release(&t);
}

/* The process is gone, and what its last thread said may lie in another CPU's ring. */
static void test_last_words(void **state)
{
	struct crash_table t = {0};

	begin(&t, 2);
	come(&t, &first);
	crash_table_gone(&t, PID, 1200 * MS);
	assert_int_equal(closed_at(&t, 1250 * MS), 0);
	come(&t, &second);
	assert_int_equal(closed_at(&t, 1250 * MS), 1);

	begin(&t, 2);
	crash_table_gone(&t, PID, 1200 * MS);
	assert_int_equal(closed_at(&t, 1299 * MS), 0);
	assert_int_equal(closed_at(&t, 1301 * MS), 1);

	/* One that never comes is waited for, but not for ever. */
	begin(&t, 2);
	assert_int_equal(closed_at(&t, 2999 * MS), 0);
	assert_int_equal(closed_at(&t, 3001 * MS), 1);
	crash_table_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_last_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
