// SPDX-License-Identifier: BSD-2-Clause
/* Room in the spool: who is dropped, and that it is counted. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "user/common/directory.h"
#include "user/lib/base/out.h"
#include "user/upload/spool.h"

#define COUNTS ".dropped"
#define COUNTS_BYTES_MAX 4096

int spool_counts_load(struct spool *s)
{
	void *data;
	size_t size;
	int err = directory_read(s->fd, COUNTS, COUNTS_BYTES_MAX, &data, &size);

	if (err)
		return err == -ENOENT ? 0 : err;
	char *text = data, *rest = NULL;

	text[size] = '\0';
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char kind[32];
		uint64_t n;

		if (sscanf(line, "%31[a-z_] %" SCNu64, kind, &n) == 2)
			err = err ? err : report_count(&s->dropped, kind, n);
	}
	free(data);
	return err;
}

/* Where there is no room even for this, it is tried again each second. */
static void counts_save(struct spool *s)
{
	struct out out;

	out_init(&out, -1);
	for (size_t i = 0; i < s->dropped.n; i++)
		out_printf(&out, "%s %" PRIu64 "\n", s->dropped.name[i], s->dropped.count[i]);
	s->counts_late = out.status || directory_write(s->fd, COUNTS, out.data, out.n);
	out_release(&out);
}

void spool_count_drop(struct spool *s, const char *kind, uint64_t n)
{
	if (!n)
		return;
	report_count(&s->dropped, kind, n);
	counts_save(s);
}

uint64_t spool_dropped(const struct spool *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->dropped.n; i++)
		if (strcmp(s->dropped.name[i], "heartbeat"))
			sum += s->dropped.count[i];
	return sum;
}

static int disk_of(const struct spool *s, struct spool_disk *ret)
{
	struct statvfs fs;

	if (fstatvfs(s->fd, &fs))
		return -errno;
	ret->size = (uint64_t)fs.f_blocks * fs.f_frsize;
	ret->free = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

uint64_t spool_limit(const struct spool *s)
{
	struct spool_disk disk;

	return disk_of(s, &disk) ? s->limits.bytes : spool_limit_bytes(&s->limits, &disk);
}

static int by_drop(const void *a, const void *b)
{
	const struct spool_file *x = a, *y = b;

	return x->rank != y->rank ? x->rank - y->rank : strcmp(x->name, y->name);
}

static void line_forget(struct spool *s)
{
	spool_files_release(&s->victims);
	s->next_victim = 0;
	s->gone_bytes = 0;
}

/* All reports, in the order in which they go. What is left of the line is used up first: with many
 * thousands, to look at them all is the expensive part. */
static int line_up(struct spool *s)
{
	if (s->next_victim < s->victims.n)
		return 0;
	line_forget(s);
	int err = spool_list(s, SPOOL_REPORT, &s->victims);

	for (size_t i = 0; i < s->victims.n; i++)
		s->victims.file[i].rank = spool_rank(s->victims.file[i].name);
	if (s->victims.n)
		qsort(s->victims.file, s->victims.n, sizeof(*s->victims.file), by_drop);
	return err;
}

/* The next in line that is still there: the uploader removes reports too. Its size, or 0. */
static uint64_t drop_next(struct spool *s, bool *ret_dropped)
{
	*ret_dropped = false;
	while (s->next_victim < s->victims.n) {
		const struct spool_file *file = &s->victims.file[s->next_victim++];

		s->gone_bytes += file->bytes;
		if (unlinkat(s->fd, file->name, 0))
			continue;
		report_count(&s->dropped, spool_rank_name(file->rank), 1);
		*ret_dropped = true;
		return file->bytes;
	}
	return 0;
}

/* Drops until `excess` bytes are gone, or a step is done. How many it were. */
static size_t drop(struct spool *s, uint64_t excess)
{
	size_t dropped = 0;

	for (bool went = true; went && excess && dropped < SPOOL_STEP;) {
		uint64_t bytes = drop_next(s, &went);

		excess -= bytes < excess ? bytes : excess;
		dropped += went;
	}
	if (dropped)
		counts_save(s);
	return dropped;
}

size_t spool_make_room(struct spool *s, uint64_t more)
{
	struct spool_disk disk;

	if (disk_of(s, &disk) || line_up(s))
		return 0;
	size_t dropped = drop(s, spool_excess_bytes(&s->limits, &disk,
						    s->victims.bytes - s->gone_bytes, more));

	if (dropped < SPOOL_STEP)
		line_forget(s);
	return dropped;
}

bool spool_drop_one(struct spool *s)
{
	return !line_up(s) && drop(s, 1);
}

size_t spool_tidy(struct spool *s)
{
	if (s->counts_late)
		counts_save(s);
	return spool_make_room(s, 0);
}
