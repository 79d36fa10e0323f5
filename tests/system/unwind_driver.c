// SPDX-License-Identifier: BSD-2-Clause
/*
 * The walk in BPF against the walk in user space, through this process itself, at the same moment
 * and from the same registers: both must give the same frames and the same end. Also how long one
 * takes, and what the verifier said. usage: unwind_driver OBJECT [ROUNDS]
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <alloca.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tests/make/own_tables.h"
#include "tests/system/unwind_bpf.h"

#define NOINLINE __attribute__((noipa))

static const char *object_path;
static int rounds = 2000;
static char verifier_log[1 << 16];
static struct bpf_object *object;
static int program_fd, probe_fd;
static struct unwind_rules *shared;
static struct unwind_view global_views[PROBE_MAPPINGS];
static struct unwind_mapping global_maps[PROBE_MAPPINGS];
static struct probe probe;
static struct unwind_memory memory[2];

static struct {
	unsigned int walks;
	size_t deepest;
	uint64_t pcs[PROBE_PCS];
	size_t count;
	enum unwind_reason reason;
} user;

static int map_fd(const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}

static void load(void)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = verifier_log,
		    .kernel_log_size = sizeof(verifier_log), .kernel_log_level = 4);

	object = bpf_object__open_file(object_path, &opts);
	assert_non_null(object);
	assert_int_equal(bpf_object__load(object), 0);
	program_fd = bpf_program__fd(bpf_object__find_program_by_name(object, "walk"));
	probe_fd = map_fd("probes");
	print_message("%s", verifier_log);
}

/* An inner map as large as the table, filled before it can be seen. */
static void put_table(uint32_t id, const struct unwind_table *table)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP);
	uint32_t values = unwind_table_head(table)->values;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "table", sizeof(uint32_t),
				sizeof(struct unwind_value), values, &opts);

	assert_true(fd >= 0);
	for (uint32_t i = 0; i < values; i++)
		assert_int_equal(bpf_map_update_elem(fd, &i, &table->values[i], BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(map_fd("tables"), &id, &fd, BPF_ANY), 0);
	close(fd);
}

static int by_start(const void *a, const void *b)
{
	const struct unwind_mapping *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int setup(void **state)
{
	uint32_t from;

	own_tables_init(state);
	load();
	shared = unwind_rules_new(16384, 1);
	assert_non_null(shared);
	for (uint32_t i = 0; i < maps_count; i++) {
		assert_int_equal(unwind_table_globalise(&tables[i], shared, &from), 0);
		put_table(i, &tables[i]);
	}
	for (uint32_t i = 0; i < unwind_rules_count(shared); i++)
		assert_int_equal(bpf_map_update_elem(map_fd("rules"), &i,
						     &unwind_rules_all(shared)[i], BPF_ANY),
				 0);
	for (uint32_t i = 0; i < PROBE_MAPPINGS; i++)
		probe.starts[i] = UINT64_MAX >> 1;
	for (uint32_t i = 0; i < maps_count; i++) {
		global_views[i] = (struct unwind_view){
			tables[i].values, unwind_table_head(&tables[i])->values,
			unwind_rules_count(shared), unwind_rules_all(shared)};
		global_maps[i] = maps[i];
		global_maps[i].view = &global_views[i];
	}
	qsort(global_maps, maps_count, sizeof(global_maps[0]), by_start);
	for (uint32_t i = 0; i < maps_count; i++) {
		const struct unwind_mapping *m = &global_maps[i];

		probe.starts[i] = m->start;
		probe.mappings[i] =
			(struct probe_mapping){m->start, m->end,
					       m->bias,	 (uint32_t)(m->view - global_views),
					       0,	 *(struct unwind_head *)m->view->values};
	}
	return 0;
}

static int teardown(void **state)
{
	bpf_object__close(object);
	unwind_rules_free(shared);
	return own_tables_release(state);
}

static void run_bpf(const struct unwind_cursor *at)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	uint32_t zero = 0;

	probe.at = *at;
	probe.count = 0;
	probe.window.bytes = 0;
	assert_int_equal(bpf_map_update_elem(probe_fd, &zero, &probe, BPF_ANY), 0);
	do {
		assert_int_equal(bpf_prog_test_run_opts(program_fd, &opts), 0);
		assert_int_equal(bpf_map_lookup_elem(probe_fd, &zero, &probe), 0);
	} while (probe.reason == UNWIND_TOO_DEEP);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	struct unwind_walk walk = {global_maps, maps_count, memory, 2, EM_X86_64};
	struct unwind_cursor at, start;

	cursor_of_signal(&start, context);
	at = start;
	user.reason = unwind_walk(&walk, &at, user.pcs, PROBE_PCS, &user.count);
	run_bpf(&start);
	assert_int_equal(probe.reason, user.reason);
	assert_int_equal(probe.count, user.count);
	assert_memory_equal(probe.pcs, user.pcs, user.count * sizeof(user.pcs[0]));
	assert_memory_equal(&probe.at, &at, sizeof(at));
	if (user.count > user.deepest)
		user.deepest = user.count;
	user.walks++;
}

static void begin(void *low, size_t bytes)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	memset(&user, 0, sizeof(user));
	memory[0] = (struct unwind_memory){(uint64_t)low, low, bytes};
	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
}

static void begin_main(void)
{
	volatile char here;
	uint64_t low = (uint64_t)&here - (1 << 20);

	begin((void *)low, stack_end - low);
}

static NOINLINE int nested(int depth, int bytes)
{
	volatile char *a = alloca((size_t)bytes);
	volatile char b[32] __attribute__((aligned(64)));

	a[0] = b[0] = 1;
	if (!depth)
		raise(SIGUSR1);
	return depth ? nested(depth - 1, bytes) + a[0] : a[0] + b[0];
}

static NOINLINE int plain(int depth)
{
	volatile int v = depth;

	if (!depth)
		raise(SIGUSR1);
	return depth ? plain(depth - 1) + v : v;
}

static void test_depths(void **state)
{
	static const int depths[] = {0, 1, 30, 56, 57, 58, 59, 128, 600};

	begin_main();
	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		nested(depths[i], 40);
		assert_int_equal(user.reason, UNWIND_COMPLETE);
	}
	nested(4, 70 * 1024);
	assert_int_equal(user.reason, UNWIND_COMPLETE);
	assert_int_equal(user.walks, 10);
	assert_in_range(user.deepest, 600, 640);
}

static int by_callback(const void *a, const void *b)
{
	return nested(3, 8);
}

static void test_callback(void **state)
{
	int a[2] = {2, 1};

	begin_main();
	qsort(a, 2, sizeof(a[0]), by_callback);
	assert_int_equal(user.reason, UNWIND_COMPLETE);
	assert_true(user.walks > 0);
}

static void on_outer(int sig, siginfo_t *info, void *context)
{
	nested(5, 16);
}

static void test_alternate_stack(void **state)
{
	struct sigaction sa = {.sa_sigaction = on_outer, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	size_t bytes = 256 * 1024;
	stack_t alt = {.ss_sp = malloc(bytes), .ss_size = bytes}, off = {.ss_flags = SS_DISABLE};

	memset(alt.ss_sp, 0, bytes); /* BPF can't fault it in */
	assert_int_equal(sigaltstack(&alt, NULL), 0);
	begin_main();
	memory[1] = (struct unwind_memory){(uint64_t)alt.ss_sp, alt.ss_sp, bytes};
	assert_int_equal(sigaction(SIGUSR2, &sa, NULL), 0);
	raise(SIGUSR2);
	assert_int_equal(user.reason, UNWIND_COMPLETE);
	assert_int_equal(user.walks, 1);
	sigaltstack(&off, NULL);
	memset(&memory[1], 0, sizeof(memory[1]));
	free(alt.ss_sp);
}

static void *thread(void *arg)
{
	pthread_attr_t attr;
	size_t bytes;
	void *low;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &low, &bytes);
	pthread_attr_destroy(&attr);
	begin(low, bytes);
	nested(20, 100);
	return NULL;
}

static void test_thread(void **state)
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, thread, NULL), 0);
	pthread_join(t, NULL);
	assert_int_equal(user.reason, UNWIND_COMPLETE);
	assert_int_equal(user.walks, 1);
}

/* ns of one run of the program, by the kernel's own statistics, with everything in the cache. */
static void on_measure(int sig, siginfo_t *info, void *context)
{
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	struct bpf_prog_info before = {0}, after = {0};
	uint32_t bytes = sizeof(before);
	struct unwind_cursor at;

	cursor_of_signal(&at, context);
	assert_true(stats >= 0);
	run_bpf(&at);
	assert_int_equal(bpf_obj_get_info_by_fd(program_fd, &before, &bytes), 0);
	for (int i = 0; i < rounds; i++)
		run_bpf(&at);
	assert_int_equal(bpf_obj_get_info_by_fd(program_fd, &after, &bytes), 0);
	print_message("%u frames: %llu ns\n", probe.count,
		      (after.run_time_ns - before.run_time_ns) / (unsigned int)rounds);
	assert_int_equal(probe.reason, UNWIND_COMPLETE);
	close(stats);
}

static void test_speed(void **state)
{
	struct sigaction sa = {.sa_sigaction = on_measure, .sa_flags = SA_SIGINFO};

	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	plain(0);
	plain(20);
	plain(85);
	print_message("the same with realigned frames:\n");
	nested(20, 16);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_depths),		cmocka_unit_test(test_callback),
		cmocka_unit_test(test_alternate_stack), cmocka_unit_test(test_thread),
		cmocka_unit_test(test_speed),
	};

	if (argc < 2) {
		fprintf(stderr, "usage: unwind_driver OBJECT [ROUNDS]\n");
		return 2;
	}
	object_path = argv[1];
	if (argc > 2)
		rounds = atoi(argv[2]);
	return cmocka_run_group_tests_name("unwind_bpf", tests, setup, teardown);
}
