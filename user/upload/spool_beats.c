// SPDX-License-Identifier: BSD-2-Clause
#include "user/upload/spool_beats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "user/common/directory.h"
#include "user/lib/base/out.h"

#define KIND "heartbeat"

uint64_t spool_beats_dropped(const struct spool *s)
{
	for (size_t i = 0; i < s->dropped.n; i++)
		if (!strcmp(s->dropped.name[i], KIND))
			return s->dropped.count[i];
	return 0;
}

/* A clock that jumped back makes files of the future, which are not old. */
static bool is_old(const struct spool *s, const struct spool_file *file)
{
	return file->mtime_s + (int64_t)s->limits.heartbeats_age_s < (int64_t)time(NULL);
}

static void keep_within(struct spool *s, int below, const struct spool_files *files, uint64_t more)
{
	uint64_t bytes = files->bytes + more, dropped = 0;

	for (size_t i = 0; i < files->n; i++) {
		const struct spool_file *file = &files->file[i];

		if (bytes <= s->limits.heartbeats_bytes && !is_old(s, file))
			break;
		bytes -= file->bytes;
		dropped += !unlinkat(below, file->name, 0);
	}
	spool_count_drop(s, KIND, dropped);
}

static int put(struct spool *s, int below, const struct out *packed)
{
	struct spool_files files;
	char name[32];
	uint64_t next = 0;
	int err = spool_list_below(s, SPOOL_BEATS, SPOOL_BEATS_SUFFIX, &files);

	if (err)
		return err;
	if (files.n)
		next = strtoull(files.file[files.n - 1].name, NULL, 10) + 1;
	if (s->next_beat < next)
		s->next_beat = next;
	keep_within(s, below, &files, packed->n);
	spool_files_release(&files);
	snprintf(name, sizeof(name), "%012" PRIu64 SPOOL_BEATS_SUFFIX, s->next_beat++);
	return directory_write_group(below, name, packed->data, packed->n,
				     s->shared ? (int64_t)s->group : -1);
}

int spool_beat_write(struct spool *s, const struct heartbeats *h, char error[SPOOL_ERROR])
{
	struct out packed;
	int below, err = spool_revive(s);

	if (err)
		below = err;
	else if (mkdirat(s->fd, SPOOL_BEATS, 0700) && errno != EEXIST)
		below = -errno;
	else
		below = spool_below(s, SPOOL_BEATS);
	out_init(&packed, -1);
	err = below < 0 ? below : heartbeats_encode(h, out_callback, &packed);
	if (!err)
		err = put(s, below, &packed);
	if (err)
		snprintf(error, SPOOL_ERROR, "spool %s: " SPOOL_BEATS ": %s", s->path,
			 strerror(-err));
	out_release(&packed);
	if (below >= 0)
		close(below);
	return err;
}
