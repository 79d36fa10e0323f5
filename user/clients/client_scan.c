// SPDX-License-Identifier: BSD-2-Clause
/* What the task iterator would say, as far as /proc knows it. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/clients/clients_private.h"
#include "user/common/clock.h"
#include "user/common/small_file.h"

#define PF_KTHREAD 0x00200000

struct scan {
	struct clients *c;
	struct bd_task leader; /* of the process whose threads are read */
	uint64_t ns_per_tick;
};

/*
 * Fills in what TASK_DIR/stat says. An exec has no number there: where the arguments begin takes its
 * place, which is random, and the same after a fork. False: it is gone.
 */
static bool stat_take(const struct scan *s, const char *dir, struct bd_task *task)
{
	char path[8192], text[2048];
	unsigned long long start, arguments = 0, user, system;
	unsigned parent, flags;

	snprintf(path, sizeof(path), "%s/stat", dir);
	if (small_file_read(path, text, sizeof(text)) < 0)
		return false;
	char *name = strchr(text, '('), *end = strrchr(text, ')');

	/* 4 ppid, 9 flags, 14 utime, 15 stime, 22 starttime, 48 arg_start */
	if (!name || !end ||
	    sscanf(end + 1,
		   " %*c %u %*d %*d %*d %*d %u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu",
		   &parent, &flags, &user, &system, &start) != 5)
		return false;
	const char *field = end + 1;

	for (int i = 2; field && i < 48; i++)
		field = strchr(field + 1, ' ');
	if (field)
		arguments = strtoull(field, NULL, 10);
	*end = '\0';
	snprintf(task->comm, sizeof(task->comm), "%.15s", name + 1);
	task->parent = parent;
	task->user_ns = user * s->ns_per_tick;
	task->system_ns = system * s->ns_per_tick;
	task->kthread = !!(flags & PF_KTHREAD);
	task->exec_id = (uint32_t)idmap_mix(arguments, 1);
	/* A tick is coarse: one that began in it may have begun at its end. */
	task->thread.start_ns = (start + 1) * s->ns_per_tick - s->c->boot_offset_ns;
	return true;
}

static void schedstat_take(const char *dir, struct bd_sums *sums)
{
	char path[8192], text[128];
	unsigned long long run, wait;

	snprintf(path, sizeof(path), "%s/schedstat", dir);
	if (small_file_read(path, text, sizeof(text)) > 0 &&
	    sscanf(text, "%llu %llu", &run, &wait) == 2) {
		sums->on_cpu_ns = run;
		sums->wait_ns = wait;
	}
}

/* Calls `fn` for each entry of the directory that is a number. */
static int each_number(const char *dir, int (*fn)(struct scan *s, const char *dir, uint32_t number),
		       struct scan *s)
{
	DIR *d = opendir(dir);
	int err = 0;

	if (!d)
		return 0;
	for (struct dirent *e = readdir(d); e && !err; e = readdir(d)) {
		uint32_t number = strtoul(e->d_name, NULL, 10);

		if (number)
			err = fn(s, dir, number);
	}
	closedir(d);
	return err;
}

static int thread_scan(struct scan *s, const char *dir, uint32_t tid)
{
	struct bd_task task = s->leader;
	char path[6000];

	snprintf(path, sizeof(path), "%s/%u", dir, tid);
	task.thread.tid = task.ns_tid = tid;
	if (!stat_take(s, path, &task))
		return 0;
	schedstat_take(path, &task.sums);
	return clients_task(s->c, &task);
}

static int process_scan(struct scan *s, const char *dir, uint32_t pid)
{
	char path[5000];

	s->leader = (struct bd_task){ .thread.tid = pid, .thread.tgid = pid, .ns_tgid = pid,
				      .now_ns = s->c->now_ns };
	snprintf(path, sizeof(path), "%s/%u", dir, pid);
	if (!stat_take(s, path, &s->leader))
		return 0;
	memcpy(s->leader.process, s->leader.comm, BD_COMM);
	snprintf(path, sizeof(path), "%s/%u/task", dir, pid);
	return each_number(path, thread_scan, s);
}

int clients_scan(struct clients *c)
{
	struct scan s = { .c = c, .ns_per_tick = 1000000000ULL / sysconf(_SC_CLK_TCK) };

	/* Once: else each scan would give a thread another start. */
	if (!c->boot_offset_ns)
		c->boot_offset_ns = clock_ns(CLOCK_BOOTTIME) - clock_monotonic_ns();
	return each_number(c->proc, process_scan, &s);
}
