// SPDX-License-Identifier: BSD-2-Clause
/* Limits of clients, their names, and many of them. */
#include "tests/unit/clients_world.h"

static void quota(const struct world *w, const char *group, int quota_us, int periods, int throttled,
		  uint64_t throttled_ns)
{
	char file[100];

	snprintf(file, sizeof(file), "cpu%s/cpu.cfs_quota_us", group);
	fake_tree_write(&w->tree, file, "%d\n", quota_us);
	snprintf(file, sizeof(file), "cpu%s/cpu.cfs_period_us", group);
	fake_tree_write(&w->tree, file, "100000\n");
	snprintf(file, sizeof(file), "cpu%s/cpu.stat", group);
	fake_tree_write(&w->tree, file, "nr_periods %d\nnr_throttled %d\nthrottled_time %llu\n", periods,
			throttled, (unsigned long long)throttled_ns);
}

/* A quota isn't starvation, however many threads wait for it; but the machine's lack of CPU is. */
static void test_quota(void **state)
{
	static const struct {
		const char *name;
		int periods, throttled;
		unsigned throttled_ms, run_ms, wait_ms;
		double wait_share, throttled_share;
	} cases[] = {
		{ "one thread that spins", 10, 10, 900, 100, 900, 0, 0.9 },
		{ "eight on two CPUs", 10, 10, 1900, 100, 7900, 0, 1 },
		{ "not held back, and starved", 10, 0, 0, 10, 990, 0.9, 0 },
		{ "has half of what it may have", 10, 0, 0, 50, 950, 0.5, 0 },
		{ "has nearly all that it may have", 10, 6, 560, 95, 900, 0.05, 0.56 },
		{ "waits little in half of the periods", 10, 5, 300, 30, 40, 0.4, 0.3 },
		{ "at rest", 0, 0, 0, 0, 0, 0, 0 },
	};
	struct world *w = world_new(UNITS);
	struct bd_task *t = process(w, 10, 1, "x", "/system.slice/x.service");
	int periods = 50, throttled = 20;
	uint64_t total = 7;

	quota(w, "/system.slice/x.service", 10000, periods, throttled, total);
	next(w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		quota(w, "/system.slice/x.service", 10000, periods += cases[i].periods,
		      throttled += cases[i].throttled, total += cases[i].throttled_ms * MS);
		used(t, cases[i].run_ms, cases[i].wait_ms);
		next(w);
		const struct client_second *s = client(w, "x.service");

		near(s->limit_cores, 0.1);
		near(s->cpu_of_limit, cases[i].run_ms / 100.0);
		if (fabs(s->wait_share - cases[i].wait_share) > 1e-6 ||
		    fabs(s->throttled_share - cases[i].throttled_share) > 1e-6)
			fail_msg("%s: %g waits, %g throttled", cases[i].name, s->wait_share,
				 s->throttled_share);
		near(w->second.machine.wait_cores, s->wait_cores);
	}
	world_free(w);
}

static void test_limits_add_up(void **state)
{
	struct world *w = world_new("[client \"a\"]\nmatch_comm = a\n[client \"b\"]\nmatch_comm = b\n");

	quota(w, "/one", 30000, 0, 0, 0);
	quota(w, "/two", 40000, 0, 0, 0);
	quota(w, "/big", 900000, 0, 0, 0);
	process(w, 10, 1, "a", "/one");
	process(w, 11, 1, "a", "/one");
	process(w, 12, 1, "a", "/two");
	process(w, 13, 1, "a", "/two/below");
	process(w, 20, 1, "b", "/big");
	next(w);
	near(client(w, "a")->limit_cores, 0.7);
	near(client(w, "b")->limit_cores, 2);
	process(w, 14, 1, "a", "/free");
	next(w);
	near(client(w, "a")->limit_cores, 2);
	world_free(w);
}

/* One name is one client, also where a section and a template give it. */
static void test_names(void **state)
{
	struct world *w = world_new("[client \"x.service\"]\nmatch_comm = x\n" UNITS);

	process(w, 10, 1, "x", "/other");
	process(w, 11, 1, "y", "/system.slice/x.service");
	next(w);
	assert_int_equal(w->second.n, 1);
	assert_int_equal(client(w, "x.service")->processes, 2);
	assert_int_equal(client(w, "x.service")->section, 0);
	world_free(w);
}

static void test_template_limit(void **state)
{
	struct world *w = world_new(UNITS);
	char group[64];

	for (uint32_t i = 0; i < CLIENTS_TEMPLATE_MAX + 5; i++) {
		snprintf(group, sizeof(group), "/system.slice/unit-%u.service", i);
		process(w, 100 + 2 * i, 1, "x", group);
		process(w, 101 + 2 * i, 1, "x", group);
	}
	next(w);
	assert_int_equal(w->second.n, CLIENTS_TEMPLATE_MAX);
	assert_int_equal(w->second.left_out, 5);
	assert_string_equal(owner(w, 100), "unit-0.service");
	assert_string_equal(owner(w, 100 + 2 * CLIENTS_TEMPLATE_MAX), "");
	/* a unit that stops keeps its place for a while, and its serial when it starts again */
	uint64_t serial = client(w, "unit-0.service")->serial;

	gone(w, 100);
	gone(w, 101);
	for (int i = 0; i < 30; i++)
		next(w);
	assert_int_equal(client(w, "unit-0.service")->processes, 0);
	process(w, 100, 1, "x", "/system.slice/unit-0.service");
	next(w);
	assert_string_equal(owner(w, 100), "unit-0.service");
	assert_true(client(w, "unit-0.service")->serial == serial);
	/* where there are more than places, who has been empty for long gives up its own */
	gone(w, 100);
	for (int i = 0; i < 70; i++)
		next(w);
	process(w, 9000, 1, "x", "/system.slice/new.service");
	next(w);
	assert_string_equal(owner(w, 9000), "new.service");
	assert_true(client(w, "new.service")->serial > serial);
	assert_int_equal(w->second.n, CLIENTS_TEMPLATE_MAX);
	/* and after an hour everybody does */
	w->n = 0;
	process(w, 9001, 1, "x", "/system.slice/last.service");
	for (int i = 0; i < CLIENTS_EMPTY_S + 10; i++)
		next(w);
	assert_int_equal(w->second.n, 1);
	assert_string_equal(owner(w, 9001), "last.service");
	assert_int_equal(clients_main_pid(w->clients, clients_of_pid(w->clients, 9001)), 9001);
	world_free(w);
}

/* A deployment each minute, for an hour: it is one client, whose tables don't grow. */
static void test_restarts(void **state)
{
	struct world *w = world_new(UNITS);
	uint32_t pid = 1000;
	uint64_t serial = 0;

	for (int minute = 0; minute < 60; minute++, pid++) {
		struct bd_task *t = process(w, pid, 1, "x", "/system.slice/x.service");
		char dir[32];

		for (int second = 0; second < 5; second++) {
			used(t, 500, 0);
			next(w);
			assert_string_equal(owner(w, pid), "x.service");
			if (w->second.valid)
				near(client(w, "x.service")->cpu_cores, 0.5);
		}
		if (!serial)
			serial = client(w, "x.service")->serial;
		assert_true(client(w, "x.service")->serial == serial);
		struct bd_task last = *t;

		gone(w, pid);
		snprintf(dir, sizeof(dir), "proc/%u", pid);
		fake_tree_drop(&w->tree, dir);
		died(w, &last, 2500, 0);
		next(w);
		near(client(w, "x.service")->cpu_cores, 0);
		w->now_ns += 53 * SECOND;
		next(w);
	}
	assert_int_equal(w->second.n, 1);
	world_free(w);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* 500 forks a second, all dead before a pass: each ms of theirs is counted, and little is spent. */
static void test_forks(void **state)
{
	struct world *w = world_new(UNITS);
	struct bd_task child = { 0 };
	double began, spent;

	process(w, 10, 1, "x", "/system.slice/x.service");
	next(w);
	began = cpu_seconds();
	for (uint32_t second = 0, pid = 1000; second < 60; second++) {
		for (int i = 0; i < 500; i++, pid = pid == 32000 ? 1000 : pid + 1) {
			child.thread = (struct bd_thread){ pid, pid, w->now_ns + 1 + i * MS };
			child.ns_tid = child.ns_tgid = pid;
			child.parent = 10;
			strcpy(child.process, "x");
			assert_int_equal(clients_fork_record(w->clients, pid, 10), 0);
			exited(w, &child, 1);
			died(w, &child, 2, 0);
		}
		next(w);
		near(client(w, "x.service")->cpu_cores, 1);
		assert_int_equal(client(w, "x.service")->processes, 1);
	}
	spent = (cpu_seconds() - began) / 60;
	print_message("# 500 forks a second: %.0f us of CPU a second\n", spent * 1e6);
	assert_true(spent < 0.05);
	assert_int_equal(w->second.threads_unknown, 0);
	world_free(w);
}

/* 200 clients, 10,000 threads. */
static void test_many(void **state)
{
	struct world *w = world_new(UNITS);
	double began, spent;
	char group[64];
	uint32_t tid = 100000;

	for (uint32_t i = 0; i < 200; i++) {
		snprintf(group, sizeof(group), "/system.slice/unit-%u.service", i);
		struct bd_task *leader = process(w, 1000 + i, 1, "x", group);

		for (int j = 0; j < 49; j++)
			thread(w, leader, tid++);
	}
	next(w);
	next(w);
	began = cpu_seconds();
	for (int second = 0; second < 10; second++) {
		for (size_t i = 0; i < w->n; i++)
			used(&w->tasks[i], 1, 1);
		next(w);
	}
	spent = (cpu_seconds() - began) / 10;
	print_message("# 200 clients, 10,000 threads: %.0f us of CPU a second\n", spent * 1e6);
	assert_true(spent < 0.1);
	near(client(w, "unit-7.service")->cpu_cores, 0.05);
	near(client(w, "unit-7.service")->wait_share, 0.5);
	assert_int_equal(client(w, "unit-7.service")->threads, 50);
	near(w->second.machine.cpu_cores, 10);
	world_free(w);
}

/* More new processes than are looked at in a second: the rest are their parents' until then. */
static void test_looks(void **state)
{
	struct world *w = world_new("[client \"a\"]\nmatch_comm = a\n[client \"b\"]\nmatch_comm = b\n");

	process(w, 10, 1, "a", "/x");
	next(w);
	for (uint32_t i = 0; i < CLIENTS_LOOKS_MAX + 100; i++)
		process(w, 1000 + i, i % 2 ? 10 : 1, i % 2 ? "c" : "b", "/x");
	next(w);
	assert_int_equal(w->second.looks_left, 100);
	assert_int_equal(client(w, "a")->processes, 1 + (CLIENTS_LOOKS_MAX + 100) / 2);
	assert_int_equal(client(w, "b")->processes, CLIENTS_LOOKS_MAX / 2);
	next(w);
	assert_int_equal(w->second.looks_left, 0);
	assert_int_equal(client(w, "b")->processes, (CLIENTS_LOOKS_MAX + 100) / 2);
	world_free(w);
}

/* Children that run the same program are not looked at; those that don't, are. */
static void test_copies(void **state)
{
	struct world *w = world_new("[client \"a\"]\nmatch_cmdline = ^/bin/a\n");

	process(w, 10, 1, "a", "/x");
	next(w);
	process(w, 11, 10, "a", "/x");
	process(w, 12, 1, "a", "/x");
	fake_tree_drop(&w->tree, "proc/11");
	fake_tree_drop(&w->tree, "proc/12");
	next(w);
	assert_string_equal(owner(w, 11), "a");
	assert_string_equal(owner(w, 12), "");
	world_free(w);
}

static void test_check(void **state)
{
	struct world *w = world_new("[client \"none\"]\nmatch_comm = nonesuch\n\n[client \"x\"]\n"
				    "match_comm = x\nthreshold = 300% for 10s\nthrottled = 20% for 5s\n"
				    "pressure = 10% for 5s\n[client \"off\"]\nmatch_comm = off\n"
				    "deviation = off\ncrash = off\n" UNITS
				    "deviation_metrics = cpu, memory, wait\ndeviation_least_memory = 1.5G\n");
	static const char *const lines[] = {
		"3 clients with 3 of 3 processes would be watched now; 2 CPUs\n",
		"    match_comm = x\n    threshold = 300% for 10s\n    throttled = 20% for 5s\n",
		"    deviation = high for 30s, at least 0.5 CPUs\n",
		"    deviation = high for 30s, at least 0.5 CPUs, wait by 20 %, memory by 1.5 GB\n",
		"  x: 1 process, 1 thread, may use 2 CPUs",
		"  db.service: 1 process, 1 thread, may use 0.1 CPUs",
		"f:1: client none: matches no process now\n",
		"f:9: client off: matches no process now\n",
		"f:4: client x: threshold can't be reached, it is above what it may use (2 CPUs)\n",
		"f:4: client x: throttled can't fire, it has no CPU quota now\n",
		"f:4: client x: pressure can't fire, ",
		"f:9: client off: every rule is off\n",
	};
	struct out out;

	quota(w, "/system.slice/db.service", 10000, 0, 0, 0);
	process(w, 10, 1, "x", "/x");
	process(w, 11, 1, "db", "/system.slice/db.service");
	process(w, 12, 1, "web", "/system.slice/web.service");
	next(w);
	next(w);
	out_init(&out, -1);
	clients_check(w->clients, &w->second, &out);
	out_char(&out, '\0');
	assert_int_equal(out_finish(&out), 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (!strstr(out.data, lines[i]))
			fail_msg("not in it: %s\n%s", lines[i], out.data);
	assert_null(strstr(out.data, "client %unit: matches no process"));
	out_release(&out);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_limits_add_up),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_template_limit),
		cmocka_unit_test(test_restarts),
		cmocka_unit_test(test_forks),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_looks),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests_name("clients_many", tests, NULL, NULL);
}
