// SPDX-License-Identifier: BSD-2-Clause
/* The spool on a real directory: what is dropped and counted, what is left alone, what comes back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sample.h"
#include "user/lib/profile/codec.h"
#include "user/upload/spool.h"
#include "user/upload/spool_beats.h"

static char root[64], path[96];

static int set_up(void **state)
{
	snprintf(root, sizeof(root), "/tmp/backdraft-spool-XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/a/spool", root);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void open_spool(struct spool *s)
{
	char error[SPOOL_ERROR];

	assert_int_equal(spool_open(s, path, error), 0);
	/* What the disk below is, is not to matter. */
	s->limits.share_permille = 1000;
	s->limits.free_permille = 0;
}

/* A report of that kind and second: its name without suffix. */
static void write_one(struct spool *s, const char *kind, int second, bool partial, char *ret_name)
{
	char name[SPOOL_NAME], error[SPOOL_ERROR];
	struct report r;

	sample_report(&r);
	assert_int_equal(report_set(&r.trigger.kind, kind), 0);
	r.window.trigger_ns = (1700000000ll + second) * 1000000000;
	r.id[0] = second;
	r.id[1] = kind[0];
	spool_name(&r, "shop", name);
	/* What is personal has to be out of it. */
	r.scrub.present = false;
	assert_int_equal(spool_write(s, name, partial, &r, error), -EPERM);
	r.scrub.present = true;
	assert_int_equal(spool_write(s, name, partial, &r, error), 0);
	report_release(&r);
	if (ret_name)
		strcpy(ret_name, name);
}

static bool is_there(const struct spool *s, const char *name, const char *suffix)
{
	char file[256];

	snprintf(file, sizeof(file), "%s%s", name, suffix);
	return !faccessat(s->fd, file, F_OK, AT_SYMLINK_NOFOLLOW);
}

static void put(const struct spool *s, const char *name, const char *text)
{
	int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static uint64_t dropped_of(const struct spool *s, const char *kind)
{
	for (size_t i = 0; i < s->dropped.n; i++)
		if (!strcmp(s->dropped.name[i], kind))
			return s->dropped.count[i];
	return 0;
}

/* With room for three, a crash and an oom outlive whatever comes later, and each drop is counted. */
static void test_drops(void **state)
{
	char crash[SPOOL_NAME], oom[SPOOL_NAME], last[SPOOL_NAME];
	struct spool_stats stats;
	struct spool s;

	open_spool(&s);
	write_one(&s, "crash", 1, false, crash);
	write_one(&s, "oom", 2, false, oom);
	spool_stats(&s, &stats);
	assert_int_equal(stats.reports, 2);
	s.limits.bytes = stats.bytes / 2 * 3 + 200;
	for (int i = 3; i < 10; i++)
		write_one(&s, i % 2 ? "deviation" : "threshold", i, false, last);
	spool_tidy(&s);
	assert_true(is_there(&s, crash, ".bdr") && is_there(&s, oom, ".bdr"));
	spool_stats(&s, &stats);
	assert_int_equal(stats.reports, 3);
	assert_true(stats.bytes <= s.limits.bytes);
	assert_int_equal(dropped_of(&s, "deviation"), 4);
	assert_int_equal(dropped_of(&s, "threshold"), 2);
	assert_int_equal(spool_dropped(&s), 6);
	/* A threshold is worth more than the deviation that came last. */
	spool_close(&s);
	open_spool(&s);
	assert_int_equal(spool_dropped(&s), 6);
	assert_int_equal(dropped_of(&s, "threshold"), 2);
	s.limits.bytes = 0;
	assert_int_equal(spool_tidy(&s), 3);
	assert_int_equal(dropped_of(&s, "crash"), 1);
	spool_close(&s);
}

/* Many old ones go in steps, none of which is long, and in the right order. */
static void test_steps(void **state)
{
	struct spool_stats stats;
	struct spool s;
	size_t steps = 0, n;

	open_spool(&s);
	for (int i = 0; i < 2 * SPOOL_STEP + 10; i++) {
		char name[128];

		snprintf(name, sizeof(name), "20240101T%06dZ-%s-a-%032x.bdr", i,
			 i % 2 ? "crash" : "deviation", i);
		put(&s, name, "0123456789");
	}
	s.limits.bytes = 100;
	while ((n = spool_tidy(&s))) {
		assert_true(n <= SPOOL_STEP);
		steps++;
	}
	assert_int_equal(steps, 2);
	spool_stats(&s, &stats);
	assert_int_equal(stats.reports, 10);
	assert_int_equal(dropped_of(&s, "deviation"), SPOOL_STEP + 5);
	assert_int_equal(dropped_of(&s, "crash"), SPOOL_STEP - 5);
	spool_close(&s);
}

/* What isn't a regular file of ours is not counted, not read, not dropped and not removed. */
static void test_foreign(void **state)
{
	static const char *const names[] = {"link.bdr", "dir.bdr", "fifo.bdr", "notes.txt",
					    "twice.bdr", ".hidden.bdr"};
	struct spool_stats stats;
	struct spool s;

	open_spool(&s);
	assert_int_equal(symlinkat("/etc/passwd", s.fd, names[0]), 0);
	assert_int_equal(mkdirat(s.fd, names[1], 0700), 0);
	assert_int_equal(mkfifoat(s.fd, names[2], 0600), 0);
	put(&s, names[3], "x");
	put(&s, names[4], "x");
	assert_int_equal(linkat(s.fd, names[4], s.fd, "other-name", 0), 0);
	put(&s, names[5], "x");
	spool_stats(&s, &stats);
	assert_int_equal(stats.reports, 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(spool_open_file(s.fd, names[i]), -ESTALE);
	assert_int_equal(spool_open_file(s.fd, names[4]), -ESTALE);
	s.limits.bytes = 0;
	assert_int_equal(spool_tidy(&s), 0);
	assert_int_equal(spool_recover(&s), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(is_there(&s, names[i], ""));
	spool_close(&s);
}

static void test_recover(void **state)
{
	char partial[SPOOL_NAME], both[SPOOL_NAME], old[SPOOL_NAME + 16];
	struct spool_stats stats;
	struct spool s;

	open_spool(&s);
	write_one(&s, "crash", 1, true, partial);
	write_one(&s, "oom", 2, false, both);
	put(&s, ".writing-x", "half");
	/* Killed after the rename and before the partial one was removed. */
	snprintf(old, sizeof(old), "%s.bdr.partial", both);
	put(&s, old, "old");
	spool_stats(&s, &stats);
	assert_int_equal(stats.reports, 1);
	assert_int_equal(spool_recover(&s), 1);
	assert_true(is_there(&s, partial, ".bdr"));
	assert_false(is_there(&s, partial, ".bdr.partial"));
	assert_false(is_there(&s, both, ".bdr.partial"));
	assert_false(is_there(&s, ".writing-x", ""));
	assert_int_equal(spool_recover(&s), 0);
	spool_close(&s);
}

/* Removed under a daemon that writes on: made again, and what was dropped before stays counted. */
static void test_removed(void **state)
{
	char name[SPOOL_NAME], command[160];
	struct spool s;

	open_spool(&s);
	write_one(&s, "oom", 1, false, name);
	s.limits.bytes = 0;
	assert_int_equal(spool_tidy(&s), 1);
	s.limits.bytes = 1 << 20;
	snprintf(command, sizeof(command), "rm -r %s/a", root);
	assert_int_equal(system(command), 0);
	assert_false(spool_is_there(&s));
	write_one(&s, "oom", 2, false, name);
	assert_true(spool_is_there(&s));
	assert_true(is_there(&s, name, ".bdr"));
	spool_tidy(&s);
	spool_close(&s);
	open_spool(&s);
	assert_int_equal(dropped_of(&s, "oom"), 1);
	spool_close(&s);
}

static void test_aside(void **state)
{
	struct spool_files files;
	struct spool s;
	char text[16] = "";

	open_spool(&s);
	for (int i = 0; i < 7; i++) {
		char name[128];

		snprintf(name, sizeof(name), "2024010%dT000000Z-oom-a-%032x.bdr", i, i);
		put(&s, name, "x");
		assert_int_equal(spool_set_aside(&s, name, SPOOL_REJECTED, "too old", 5), 0);
		assert_false(is_there(&s, name, ""));
	}
	assert_int_equal(spool_list_below(&s, SPOOL_REJECTED, SPOOL_SUFFIX, &files), 0);
	assert_int_equal(files.n, 5);
	assert_non_null(strstr(files.file[0].name, "20240102"));
	spool_files_release(&files);
	assert_int_equal(spool_list_below(&s, SPOOL_REJECTED, ".txt", &files), 0);
	assert_int_equal(files.n, 5);
	int below = spool_below(&s, SPOOL_REJECTED), fd = spool_open_file(below, files.file[4].name);

	assert_int_equal(read(fd, text, sizeof(text)), 8);
	assert_string_equal(text, "too old\n");
	close(fd);
	close(below);
	spool_files_release(&files);
	assert_int_equal(spool_set_aside(&s, "gone.bdr", SPOOL_REJECTED, "", 5), -ENOENT);
	spool_close(&s);
}

static size_t count_beats(const struct spool *s, char first[32])
{
	struct spool_files files;

	assert_int_equal(spool_list_below(s, SPOOL_BEATS, SPOOL_BEATS_SUFFIX, &files), 0);
	size_t n = files.n;

	snprintf(first, 32, "%s", n ? files.file[0].name : "");
	spool_files_release(&files);
	return n;
}

/* The oldest by number goes first, for size and for age; a file of the future is not old. */
static void test_beats(void **state)
{
	const struct timespec old[2] = {{.tv_sec = time(NULL) - 90000},
					{.tv_sec = time(NULL) - 90000}};
	const struct timespec future[2] = {{.tv_sec = time(NULL) + 90000},
					   {.tv_sec = time(NULL) + 90000}};
	char error[SPOOL_ERROR], first[32];
	struct heartbeats h;
	struct spool s;

	open_spool(&s);
	assert_int_equal(heartbeats_init(&h), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(spool_beat_write(&s, &h, error), 0);
	assert_int_equal(count_beats(&s, first), 10);
	assert_string_equal(first, "000000000000.bdh");
	int below = spool_below(&s, SPOOL_BEATS);

	assert_int_equal(utimensat(below, "000000000000.bdh", old, 0), 0);
	assert_int_equal(utimensat(below, "000000000001.bdh", future, 0), 0);
	assert_int_equal(spool_beat_write(&s, &h, error), 0);
	assert_int_equal(count_beats(&s, first), 10);
	assert_string_equal(first, "000000000001.bdh");
	s.limits.heartbeats_bytes = 300; /* each is under 100 bytes and over 50 */
	assert_int_equal(spool_beat_write(&s, &h, error), 0);
	assert_in_range(count_beats(&s, first), 3, 5);
	assert_int_equal(spool_beats_dropped(&s), 12 - count_beats(&s, first));
	assert_int_equal(spool_dropped(&s), 0);
	close(below);
	heartbeats_release(&h);
	spool_close(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_drops),   TEST(test_steps), TEST(test_foreign), TEST(test_recover),
		TEST(test_removed), TEST(test_aside), TEST(test_beats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
