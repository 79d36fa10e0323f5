// SPDX-License-Identifier: BSD-2-Clause
/* rejected/ and damaged/: reports that will not be sent, with the reason beside each. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/upload/spool.h"

static int write_sentence(int directory, const char *name, const char *sentence)
{
	char text[NAME_MAX + 1];

	if (snprintf(text, sizeof(text), "%s.txt", name) >= (int)sizeof(text))
		return -ENAMETOOLONG;
	unlinkat(directory, text, 0);
	int fd = openat(directory, text, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0)
		return -errno;
	int err = dprintf(fd, "%s\n", sentence) < 0 ? -errno : 0;

	close(fd);
	return err;
}

/* The oldest go, with what was said of them. */
static void keep_most(const struct spool *s, int below, const char *directory, uint32_t most)
{
	struct spool_files files;

	if (spool_list_below(s, directory, SPOOL_SUFFIX, &files))
		return;
	for (size_t i = 0; i + most < files.n; i++) {
		char text[NAME_MAX + 8];

		unlinkat(below, files.file[i].name, 0);
		snprintf(text, sizeof(text), "%s.txt", files.file[i].name);
		unlinkat(below, text, 0);
	}
	spool_files_release(&files);
}

int spool_set_aside(const struct spool *s, const char *name, const char *directory,
		    const char *sentence, uint32_t most)
{
	int below, err = 0;

	if (mkdirat(s->fd, directory, s->shared ? 0770 : 0700) && errno != EEXIST)
		return -errno;
	below = spool_below(s, directory);
	if (below < 0)
		return below;
	if (renameat(s->fd, name, below, name))
		err = -errno;
	/* Without the sentence it is aside all the same: there may be no room for it. */
	if (!err)
		write_sentence(below, name, sentence);
	if (!err && (fsync(below) || fsync(s->fd)))
		err = -errno;
	keep_most(s, below, directory, most);
	close(below);
	return err;
}
