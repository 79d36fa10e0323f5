// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/crash_missing.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/common/small_file.h"

static struct crash_thread *known_by(struct crash *c, uint32_t ns_tid)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->threads[i].ns_tid == ns_tid)
			return &c->threads[i];
	return NULL;
}

static int add(struct crash *c, const struct bd_thread *id, uint32_t ns_tid, const char *name)
{
	struct crash_thread *thread = crash_thread_get(c, id);

	if (!thread)
		return -ENOMEM;
	thread->ns_tid = ns_tid;
	memcpy(thread->name, name, sizeof(thread->name));
	thread->state = BD_STATE_DEAD;
	return 0;
}

/* --- those that ended without a signal: that they exit says the kernel's side, of each thread */
static int add_exited(struct crash *c, const struct thread_table *threads)
{
	int err = 0;

	for (size_t i = 0; !err && i < threads->n; i++) {
		const struct thread *t = &threads->threads[i];

		if (t->id.tgid == c->first.thread.tgid && t->exited_ns > c->first.head.t_ns &&
		    idmap_get(&c->by_tid, t->id.tid) == IDMAP_NONE)
			err = add(c, &t->id, t->ns_tid, t->name);
	}
	return err;
}

/* --- those that are still there */
/* What the letter of /proc/PID/stat says. Of one that runs it isn't known since when. */
static uint32_t state_by_letter(char letter)
{
	switch (letter) {
	case 'S':
	case 'I':
		return BD_STATE_BLOCKED;
	case 'D':
		return BD_STATE_UNINTERRUPTIBLE;
	case 'T':
	case 't':
		return BD_STATE_STOPPED;
	case 'Z':
	case 'X':
		return BD_STATE_DEAD;
	default:
		return BD_STATE_UNKNOWN;
	}
}

static int read_of(uint32_t pid, uint32_t tid, const char *file, char *text, size_t size)
{
	char path[80];

	snprintf(path, sizeof(path), "/proc/%u/task/%u/%s", pid, tid, file);
	return small_file_read(path, text, size) > 0 ? 0 : -ESRCH;
}

/* "NUMBER ARGUMENTS…", "-1 …" or "running". */
static int32_t call_of(uint32_t pid, uint32_t tid)
{
	char text[200], *end;
	long call;

	if (read_of(pid, tid, "syscall", text, sizeof(text)))
		return BD_NO_CALL;
	call = strtol(text, &end, 10);
	return end == text || call < 0 ? BD_NO_CALL : call;
}

static int add_living(struct crash *c, const struct thread_table *threads, uint32_t tid)
{
	uint32_t pid = c->first.ns_tgid;
	struct bd_thread id = { .tid = tid, .tgid = c->first.thread.tgid };
	char stat[600], name[BD_COMM] = "", *open, *close;

	if (known_by(c, tid) || read_of(pid, tid, "stat", stat, sizeof(stat)))
		return 0;
	open = strchr(stat, '(');
	close = strrchr(stat, ')');
	if (!open || !close || strlen(close) < 3)
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)(close - open - 1), open + 1);
	/* In another PID namespace it has another number in the kernel. */
	for (size_t i = 0; i < threads->n; i++)
		if (threads->threads[i].id.tgid == id.tgid && threads->threads[i].ns_tid == tid)
			id = threads->threads[i].id;
	if (add(c, &id, tid, name))
		return -ENOMEM;
	c->threads[c->n - 1].state = state_by_letter(close[2]);
	c->threads[c->n - 1].call = call_of(pid, tid);
	return 0;
}

static int add_all_living(struct crash *c, const struct thread_table *threads)
{
	struct dirent *entry;
	char path[40];
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%u/task", c->first.ns_tgid);
	DIR *dir = opendir(path);

	while (dir && !err && (entry = readdir(dir))) {
		uint32_t tid = strtoul(entry->d_name, NULL, 10);

		if (tid)
			err = add_living(c, threads, tid);
	}
	if (dir)
		closedir(dir);
	return err;
}

int crash_missing_name(struct crash *c, const struct thread_table *threads)
{
	int err;

	/* What comes by after the most of them leaves nothing behind. */
	if (c->states || c->ncame >= c->first.nthreads || c->first.nthreads > BD_CRASH_THREADS)
		return 0;
	err = add_exited(c, threads);
	return err || c->gone_ns || !c->first.ns_tgid ? err : add_all_living(c, threads);
}
