// SPDX-License-Identifier: BSD-2-Clause
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_tree.h"
#include "user/clients/cgroup_stats.h"

#define SECOND 1000000000ULL

static void near(double value, double wanted)
{
	if (!(fabs(value - wanted) < 1e-6))
		fail_msg("%g, not %g", value, wanted);
}

static void test_mounts(void **state)
{
	char text[] = "21 1 0:19 / /proc rw shared:5 - proc proc rw\n"
		      "30 25 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
		      "31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
		      "32 25 0:28 /docker/1 /sys/fs/cgroup/my\\040cpuset rw - cgroup cgroup rw,cpuset\n"
		      "33 25 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
		      "34 25 0:26 / /mnt/again rw - cgroup2 cgroup2 rw\n"
		      "a line that is none\n";
	char none[] = "";
	struct cgroup_mounts m;

	assert_int_equal(cgroup_mounts_parse(text, &m), 0);
	assert_string_equal(m.mounts[CGROUP_V2].dir, "/sys/fs/cgroup/unified");
	assert_string_equal(m.mounts[CGROUP_CPU].dir, "/sys/fs/cgroup/cpu,cpuacct");
	assert_string_equal(m.mounts[CGROUP_CPUSET].dir, "/sys/fs/cgroup/my cpuset");
	assert_string_equal(m.mounts[CGROUP_CPUSET].root, "/docker/1");
	assert_string_equal(m.mounts[CGROUP_SYSTEMD].dir, "/sys/fs/cgroup/systemd");
	cgroup_mounts_release(&m);
	assert_int_equal(cgroup_mounts_parse(none, &m), 0);
	assert_string_equal(m.mounts[CGROUP_V2].dir, "");
	cgroup_mounts_release(&m);
}

static void test_paths(void **state)
{
	char hybrid[] = "9:name=systemd:/system.slice/a.service\n5:cpu,cpuacct:/x:y\n3:cpuset:/\n"
			"0::/gone (deleted)\n";
	char unified[] = "0::/system.slice/b.service\n", root[] = "1:name=systemd:/\n0::/\n";
	struct cgroup_paths p;

	cgroup_paths_parse(hybrid, &p);
	assert_string_equal(p.paths[CGROUP_CPU], "/x:y");
	assert_string_equal(p.paths[CGROUP_CPUSET], "/");
	assert_string_equal(p.paths[CGROUP_V2], "/gone");
	assert_string_equal(cgroup_paths_best(&p), "/system.slice/a.service");
	cgroup_paths_parse(unified, &p);
	assert_null(p.paths[CGROUP_CPU]);
	assert_string_equal(cgroup_paths_best(&p), "/system.slice/b.service");
	cgroup_paths_parse(root, &p);
	assert_string_equal(cgroup_paths_best(&p), "/");
}

/* The statistics of a group whose hierarchies are below the tree; "" where a mount isn't there. */
static void open_group(struct cgroup_stats *s, const struct fake_tree *t, const char *v2, const char *cpu,
		       const char *cpuset, const char *path)
{
	const char *names[CGROUP_HIERARCHIES] = { v2, cpu, cpuset, "" };
	struct cgroup_mounts m = { 0 };
	struct cgroup_paths p = { 0 };
	char dirs[CGROUP_HIERARCHIES][200];

	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		snprintf(dirs[i], sizeof(dirs[i]), "%s/%s", t->dir, names[i]);
		m.mounts[i].dir = *names[i] ? dirs[i] : (char *)"";
		m.mounts[i].root = (char *)"/";
		p.paths[i] = path;
	}
	cgroup_stats_init(s, &m, &p);
}

static void test_limits_v2(void **state)
{
	struct cgroup_stats s;
	struct fake_tree t;

	fake_tree_new(&t);
	fake_tree_write(&t, "v2/cpuset.cpus.effective", "0-7\n");
	fake_tree_write(&t, "v2/pod/cpu.max", "150000 100000\n");
	fake_tree_write(&t, "v2/pod/cpuset.cpus.effective", "0-1,6\n");
	fake_tree_write(&t, "v2/pod/a/cpu.max", "max 100000\n");
	fake_tree_write(&t, "v2/pod/b/cpu.max", "50000 50000\n");
	open_group(&s, &t, "v2", "", "", "/pod/a");
	near(s.quota_cpus, 1.5);
	near(s.cpuset_cpus, 3);
	assert_int_equal(s.nquotas, 1);
	uint64_t of_pod = s.quota_id;
	cgroup_stats_release(&s);
	open_group(&s, &t, "v2", "", "", "/pod/b");
	near(s.quota_cpus, 1);
	assert_int_equal(s.nquotas, 2);
	assert_true(s.quota_id != of_pod);
	fake_tree_write(&t, "v2/pod/b/cpu.max", "400000 100000\n");
	cgroup_stats_limits(&s);
	near(s.quota_cpus, 1.5);
	assert_true(s.quota_id == of_pod);
	cgroup_stats_release(&s);
	open_group(&s, &t, "v2", "", "", "/other");
	assert_true(isinf(s.quota_cpus));
	near(s.cpuset_cpus, 8);
	cgroup_stats_release(&s);
	/* outside of what is mounted here */
	open_group(&s, &t, "v2", "", "", "/../pod");
	assert_true(isinf(s.quota_cpus) && isinf(s.cpuset_cpus));
	cgroup_stats_release(&s);
	fake_tree_free(&t);
}

static void test_limits_v1(void **state)
{
	struct cgroup_stats s;
	struct fake_tree t;

	fake_tree_new(&t);
	fake_tree_write(&t, "cpu/a/cpu.cfs_quota_us", "10000\n");
	fake_tree_write(&t, "cpu/a/cpu.cfs_period_us", "100000\n");
	fake_tree_write(&t, "cpu/b/cpu.cfs_quota_us", "-1\n");
	fake_tree_write(&t, "cpu/b/cpu.cfs_period_us", "100000\n");
	fake_tree_write(&t, "cpuset/a/cpuset.cpus", "3\n");
	fake_tree_write(&t, "cpuset/b/cpuset.cpus", "\n");
	fake_tree_write(&t, "cpuset/cpuset.cpus", "0-3\n");
	open_group(&s, &t, "v2", "cpu", "cpuset", "/a");
	near(s.quota_cpus, 0.1);
	near(s.cpuset_cpus, 1);
	cgroup_stats_release(&s);
	open_group(&s, &t, "v2", "cpu", "cpuset", "/b");
	assert_true(isinf(s.quota_cpus));
	near(s.cpuset_cpus, 4);
	cgroup_stats_release(&s);
	fake_tree_free(&t);
}

static void stat_v1(const struct fake_tree *t, int periods, int throttled, double seconds)
{
	fake_tree_write(t, "cpu/a/cpu.stat", "nr_periods %d\nnr_throttled %d\nthrottled_time %.0f\n", periods,
			throttled, seconds * SECOND);
}

static void test_throttled_v1(void **state)
{
	static const struct {
		int periods, throttled; /* in that second */
		double seconds;
		double out_of_quota, share;
	} seconds[] = {
		{ 10, 10, 0.9, 1, 0.9 },   /* one thread that spins */
		{ 10, 10, 1.9, 1, 1 },	   /* on two CPUs: their times add up */
		{ 10, 1, 0.5, 0.1, 0.1 },  /* one period, on many CPUs */
		{ 1, 1, 0.05, 1, 0.05 },   /* hardly ran, and was held back */
		{ 0, 0, 0, 0, 0 },
		{ 10, 0, 0, 0, 0 },
	};
	int periods = 1000, throttled = 500;
	double total = 42;
	struct cgroup_second second;
	struct cgroup_stats s;
	struct fake_tree t;

	fake_tree_new(&t);
	fake_tree_write(&t, "cpu/a/cpu.cfs_quota_us", "10000\n");
	fake_tree_write(&t, "cpu/a/cpu.cfs_period_us", "100000\n");
	stat_v1(&t, periods, throttled, total);
	open_group(&s, &t, "", "cpu", "", "/a");
	/* The first read has nothing to compare with, also when the group is idle. */
	cgroup_stats_read(&s, 5 * SECOND, SECOND, true, &second);
	near(second.out_of_quota, 0);
	near(second.throttled, 0);
	assert_true(isnan(second.pressure));
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
		stat_v1(&t, periods += seconds[i].periods, throttled += seconds[i].throttled,
			total += seconds[i].seconds);
		cgroup_stats_read(&s, (6 + i) * SECOND, SECOND, false, &second);
		near(second.out_of_quota, seconds[i].out_of_quota);
		near(second.throttled, seconds[i].share);
	}
	/* made again under the same name */
	stat_v1(&t, 1, 1, 0.01);
	cgroup_stats_read(&s, 20 * SECOND, SECOND, false, &second);
	near(second.out_of_quota, 0);
	/* limits that are read again keep the counters */
	cgroup_stats_limits(&s);
	stat_v1(&t, 11, 6, 0.31);
	cgroup_stats_read(&s, 21 * SECOND, SECOND, false, &second);
	near(second.out_of_quota, 0.5);
	near(second.throttled, 0.3);
	cgroup_stats_release(&s);
	fake_tree_free(&t);
}

static void stat_v2(const struct fake_tree *t, const char *name, int periods, int throttled, int us)
{
	fake_tree_write(t, name,
			"usage_usec 1\nuser_usec 1\nsystem_usec 0\nnr_periods %d\nnr_throttled %d\n"
			"throttled_usec %d\nnr_bursts 0\n",
			periods, throttled, us);
}

/* What counts is the worst on the way up; pressure is the group's own. */
static void test_throttled_v2(void **state)
{
	struct cgroup_second second;
	struct cgroup_stats s;
	struct fake_tree t;

	fake_tree_new(&t);
	fake_tree_write(&t, "v2/pod/cpu.max", "100000 100000\n");
	fake_tree_write(&t, "v2/pod/a/cpu.max", "50000 100000\n");
	stat_v2(&t, "v2/pod/cpu.stat", 10, 10, 900000);
	stat_v2(&t, "v2/pod/a/cpu.stat", 10, 0, 0);
	fake_tree_write(&t, "v2/pod/a/cpu.pressure", "some avg10=0.00 total=1000\n");
	open_group(&s, &t, "v2", "", "", "/pod/a");
	cgroup_stats_read(&s, SECOND, SECOND, false, &second);
	assert_true(isnan(second.pressure));
	stat_v2(&t, "v2/pod/cpu.stat", 20, 15, 1300000);
	stat_v2(&t, "v2/pod/a/cpu.stat", 20, 1, 50000);
	fake_tree_write(&t, "v2/pod/a/cpu.pressure", "some avg10=0.00 total=251000\n");
	cgroup_stats_read(&s, 2 * SECOND, SECOND, false, &second);
	near(second.out_of_quota, 0.5);
	near(second.throttled, 0.4);
	near(second.pressure, 0.25);
	/* An idle group isn't read; its siblings go on, and that isn't all of the next second's. */
	cgroup_stats_read(&s, 3 * SECOND, SECOND, true, &second);
	near(second.out_of_quota, 0);
	near(second.pressure, 0);
	stat_v2(&t, "v2/pod/cpu.stat", 40, 35, 2900000);
	cgroup_stats_read(&s, 4 * SECOND, SECOND, false, &second);
	near(second.throttled, 0.8);
	near(second.pressure, 0);
	cgroup_stats_release(&s);
	fake_tree_free(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_limits_v2),
		cmocka_unit_test(test_limits_v1),
		cmocka_unit_test(test_throttled_v1),
		cmocka_unit_test(test_throttled_v2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
