// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/task_iter.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define BUFFER (256 * 1024)

/* A record is whole or the kernel did not write it. Returns the bytes of the whole ones. */
static size_t parse(const char *buffer, size_t bytes, task_iter_fn *fn, void *arg)
{
	const size_t more = sizeof(struct bd_waits) + sizeof(struct bd_chunk);
	size_t at = 0;

	while (bytes - at >= sizeof(struct bd_task)) {
		const struct bd_task *task = (const void *)(buffer + at);
		const struct bd_waits *waits = NULL;
		const struct bd_chunk *chunk = NULL;
		size_t size = sizeof(*task) + (task->has_time ? more : 0);

		if (bytes - at < size)
			break;
		if (task->has_time) {
			waits = (const void *)(task + 1);
			chunk = (const void *)(waits + 1);
		}
		fn(arg, task, waits, chunk);
		at += size;
	}
	return at;
}

int task_iter_read(int link_fd, task_iter_fn *fn, void *arg)
{
	int fd = bpf_iter_create(link_fd), err = 0;
	char *buffer = malloc(BUFFER);
	size_t have = 0;

	if (fd < 0 || !buffer) {
		err = fd < 0 ? -errno : -ENOMEM;
		goto out;
	}
	for (;;) {
		ssize_t n = read(fd, buffer + have, BUFFER - have);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0) {
			err = n ? -errno : 0;
			break;
		}
		have += n;
		size_t used = parse(buffer, have, fn, arg);

		memmove(buffer, buffer + used, have - used);
		have -= used;
	}
out:
	if (fd >= 0)
		close(fd);
	free(buffer);
	return err;
}

struct find {
	uint32_t ns_tgid;
	struct bd_task *task;
	bool found;
};

static void on_task(void *arg, const struct bd_task *task, const struct bd_waits *waits,
		    const struct bd_chunk *chunk)
{
	struct find *find = arg;

	if (task->ns_tgid != find->ns_tgid)
		return;
	*find->task = *task;
	find->found = true;
}

int task_iter_find(int link_fd, uint32_t ns_tgid, struct bd_task *ret)
{
	struct find find = {.ns_tgid = ns_tgid, .task = ret};
	int err = task_iter_read(link_fd, on_task, &find);

	return err || find.found ? err : -ESRCH;
}
