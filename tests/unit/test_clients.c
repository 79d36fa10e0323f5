// SPDX-License-Identifier: BSD-2-Clause
/* What each client uses: numbers, the dead, children, numbers that are used again. */
#include "tests/unit/clients_world.h"

static void test_numbers(void **state)
{
	struct world *w = world_new("[client \"a\"]\nmatch_comm = a\n");
	struct bd_task *a = process(w, 10, 1, "a", "/x"), *other = process(w, 20, 1, "b", "/x");
	struct bd_task *a2 = thread(w, a, 11);

	used(a, 5000, 7000);
	next(w);
	assert_false(w->second.valid);
	near(client(w, "a")->cpu_cores, 0);
	used(a, 600, 100);
	used(a2, 900, 200);
	used(other, 400, 0);
	world_stat(w, 150);
	fake_tree_write(&w->tree, "proc/pressure/cpu", "some avg10=0.00 total=305000\n");
	next(w);
	const struct client_second *s = client(w, "a");

	assert_true(w->second.valid);
	near(s->cpu_cores, 1.5);
	near(s->limit_cores, 2);
	near(s->cpu_of_limit, 0.75);
	near(s->wait_cores, 0.3);
	near(s->wait_share, 0.3 / 1.8);
	near(s->throttled_share, 0);
	assert_int_equal(s->threads, 2);
	assert_int_equal(s->processes, 1);
	assert_int_equal(s->rss_bytes, 100 * sysconf(_SC_PAGESIZE));
	assert_true(isnan(s->pressure)); /* the group has no such file */
	s = &w->second.machine;
	near(s->cpu_cores, 1.9);
	near(s->wait_share, 0.3 / 2.2);
	near(s->pressure, 0.3);
	near(s->steal_cores, 0.5);
	near(s->limit_cores, 2);
	assert_int_equal(s->processes, 2);
	assert_int_equal(s->threads, 3);
	assert_int_equal(s->rss_bytes, 600 * 1024);
	/* an estimate that was ahead is not counted twice, and nothing goes below 0 */
	a->sums.on_cpu_ns -= 100 * MS;
	next(w);
	near(client(w, "a")->cpu_cores, 0);
	used(a, 300, 0);
	next(w);
	near(client(w, "a")->cpu_cores, 0.2);
	assert_int_equal(clients_main_pid(w->clients, clients_of_pid(w->clients, 10)), 10);
	world_free(w);
}

/* The exact time is shared out as the ticks are: of the client's threads, and of /proc/stat. */
static void test_user_and_system(void **state)
{
	struct world *w = world_new("[client \"a\"]\nmatch_comm = a\n");
	struct bd_task *a = process(w, 10, 1, "a", "/x"), *a2 = thread(w, a, 11);

	used(a, 5000, 0);
	a->user_ns = 1000 * MS; /* before anybody looked */
	a->system_ns = 4000 * MS;
	next(w);
	used(a, 600, 0);
	used(a2, 400, 0);
	a->user_ns += 300 * MS;
	a2->system_ns += 100 * MS;
	world_split(w, 100, 30, 70);
	next(w);
	near(client(w, "a")->cpu_cores, 1);
	near(client(w, "a")->system_cores, 0.25);
	near(w->second.machine.system_cores, 0.75); /* 20 and 60 ticks */
	used(a, 300, 0);
	a->system_ns += 4 * MS;
	next(w);
	near(client(w, "a")->system_cores, 0.3);
	assert_true(isnan(w->second.machine.system_cores)); /* no tick, but time */
	used(a, 2, 0);
	next(w);
	assert_true(isnan(client(w, "a")->system_cores));
	next(w);
	near(client(w, "a")->system_cores, 0);
	world_free(w);
}

static void test_the_dead(void **state)
{
	struct world *w = world_new("[client \"a\"]\nmatch_comm = a\n");
	struct bd_task *a = process(w, 10, 1, "a", "/x");
	struct bd_task first = *thread(w, a, 11), brief;

	next(w);
	/* seen, then gone: its last sums come before the next pass, */
	gone(w, 11);
	died(w, &first, 250, 50);
	next(w);
	near(client(w, "a")->cpu_cores, 0.25);
	assert_int_equal(client(w, "a")->threads, 1);
	/* between two passes: exit, then free; */
	brief = *a;
	brief.thread = (struct bd_thread){ 12, 10, w->now_ns + 100 * MS };
	exited(w, &brief, 30);
	died(w, &brief, 40, 0);
	next(w);
	near(client(w, "a")->cpu_cores, 0.04);
	/* after the pass that missed it; */
	struct bd_task late = *thread(w, a, 13);

	used(&w->tasks[w->n - 1], 100, 0);
	next(w);
	near(client(w, "a")->cpu_cores, 0.1);
	gone(w, 13);
	next(w);
	died(w, &late, 160, 0);
	next(w);
	near(client(w, "a")->cpu_cores, 0.06);
	/* and one that nobody ever saw, from before, has sums of who knows when. */
	brief.thread = (struct bd_thread){ 14, 10, 5 };
	died(w, &brief, 900000, 0);
	next(w);
	near(client(w, "a")->cpu_cores, 0);
	assert_int_equal(w->second.threads_unknown, 1);
	world_free(w);
}

/* A process that lived for less than a second is its parent's, however little was recorded of it. */
static void test_brief_children(void **state)
{
	struct world *w = world_new("[client \"a\"]\nmatch_comm = a\n");
	struct bd_task child = { .exec_id = 1 };

	process(w, 10, 1, "a", "/x");
	process(w, 20, 1, "b", "/x");
	next(w);
	child.parent = 10;
	child.ns_tid = child.ns_tgid = 30;
	child.thread = (struct bd_thread){ 30, 30, w->now_ns + 5 };
	strcpy(child.process, "child");
	exited(w, &child, 20); /* by its exit record */
	died(w, &child, 25, 0);
	assert_int_equal(clients_fork_record(w->clients, 31, 10), 0); /* by the fork's */
	child.thread = (struct bd_thread){ 31, 31, w->now_ns + 6 };
	died(w, &child, 100, 0);
	assert_int_equal(clients_fork_record(w->clients, 32, 31), 0); /* a grandchild */
	child.thread = (struct bd_thread){ 32, 32, w->now_ns + 7 };
	died(w, &child, 200, 0);
	child.parent = 20; /* of no client */
	child.thread = (struct bd_thread){ 33, 33, w->now_ns + 8 };
	child.ns_tid = child.ns_tgid = 33;
	exited(w, &child, 400);
	next(w);
	near(client(w, "a")->cpu_cores, 0.325);
	near(w->second.machine.cpu_cores, 0.725);
	assert_int_equal(client(w, "a")->processes, 1);
	/* The fork is told of late: of one that has exited, and of one that a pass has seen. */
	child.parent = 1;
	child.thread = (struct bd_thread){ 34, 34, w->now_ns + 5 };
	child.ns_tid = child.ns_tgid = 34;
	exited(w, &child, 70);
	process(w, 40, 1, "c", "/x");
	assert_int_equal(clients_fork_record(w->clients, 34, 10), 0);
	died(w, &child, 80, 0);
	next(w);
	near(client(w, "a")->cpu_cores, 0.08);
	assert_string_equal(owner(w, 40), "");
	assert_int_equal(clients_fork_record(w->clients, 40, 10), 0);
	next(w);
	assert_string_equal(owner(w, 40), "a");
	assert_int_equal(client(w, "a")->processes, 2);
	world_free(w);
}

static void test_number_used_again(void **state)
{
	struct world *w = world_new("[client \"a\"]\nmatch_comm = a\n[client \"b\"]\nmatch_comm = b\n");
	struct bd_task before = *process(w, 10, 1, "a", "/x");

	used(&w->tasks[0], 1000, 0);
	next(w);
	gone(w, 10);
	struct bd_task *after = process(w, 10, 1, "b", "/x");

	used(after, 300, 0);
	next(w);
	assert_string_equal(owner(w, 10), "b");
	near(client(w, "b")->cpu_cores, 0.3);
	near(client(w, "a")->cpu_cores, 0);
	/* the last sums of the first one come only now, and are its own client's */
	died(w, &before, 1070, 0);
	used(after, 100, 0);
	next(w);
	near(client(w, "a")->cpu_cores, 0.07);
	near(client(w, "b")->cpu_cores, 0.1);
	assert_int_equal(client(w, "a")->processes, 0);
	world_free(w);
}

static void test_children(void **state)
{
	struct world *w = world_new("[client \"a\"]\nmatch_comm = a\n" UNITS);
	struct bd_task *shell;

	process(w, 10, 1, "a", "/system.slice/a.service");
	process(w, 13, 12, "sort", "/system.slice/a.service"); /* before its parents in the list */
	process(w, 11, 10, "sh", "/system.slice/a.service");
	process(w, 12, 11, "awk", "/system.slice/a.service");
	process(w, 20, 1, "db", "/system.slice/db.service");
	process(w, 21, 20, "login", "/user.slice/user-1.slice/session-1.scope");
	process(w, 22, 20, "worker", "/system.slice/db.service");
	next(w);
	assert_string_equal(owner(w, 13), "a");
	assert_string_equal(owner(w, 12), "a");
	assert_string_equal(owner(w, 20), "db.service");
	assert_string_equal(owner(w, 21), "");
	assert_string_equal(owner(w, 22), "db.service");
	/* the parent has ended, and the child runs another program: it stays with the client */
	gone(w, 10);
	for (shell = w->tasks; shell->thread.tid != 11; shell++)
		;
	shell->parent = 1;
	shell->exec_id++;
	strcpy(shell->process, "perl");
	next(w);
	assert_string_equal(owner(w, 11), "a");
	assert_int_equal(client(w, "a")->processes, 3);
	world_free(w);
}

static void test_exec_and_rename(void **state)
{
	struct world *w = world_new("[client \"a\"]\nmatch_comm = a\n[client \"c\"]\nmatch_cmdline = ^/bin/c -x$\n");
	struct bd_task *t = process(w, 10, 1, "sh", "/x");

	next(w);
	assert_string_equal(owner(w, 10), "");
	fake_tree_write(&w->tree, "proc/10/cmdline", "/bin/c%c-x%c", 0, 0);
	next(w); /* nobody looks, since nothing says that it changed */
	assert_string_equal(owner(w, 10), "");
	t->exec_id++;
	next(w);
	assert_string_equal(owner(w, 10), "c");
	strcpy(t->process, "a");
	next(w);
	assert_string_equal(owner(w, 10), "a");
	/* a v1 hierarchy gives no sign of a move; it is found in time */
	world_free(w);
	w = world_new(UNITS);
	process(w, 10, 1, "x", "/system.slice/one.service");
	next(w);
	fake_tree_write(&w->tree, "proc/10/cgroup", "1:cpu:/system.slice/two.service\n0::/\n");
	next(w);
	next(w);
	assert_string_equal(owner(w, 10), "two.service");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_user_and_system),
		cmocka_unit_test(test_the_dead),
		cmocka_unit_test(test_brief_children),
		cmocka_unit_test(test_number_used_again),
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_exec_and_rename),
	};

	return cmocka_run_group_tests_name("clients", tests, NULL, NULL);
}
