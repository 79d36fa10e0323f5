// SPDX-License-Identifier: BSD-2-Clause
/* What is in the spool, and which of it is ours. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/lib/base/array.h"
#include "user/upload/spool.h"

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && !strcmp(text + n - m, end);
}

static bool is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_nlink == 1 &&
	       (st->st_uid == 0 || st->st_uid == geteuid());
}

enum spool_class spool_class_of(const struct spool *s, int directory, const char *name,
				struct spool_file *ret)
{
	static const char *const own[] = {".",		 "..",	     SPOOL_REJECTED,
					  SPOOL_DAMAGED, SPOOL_BEATS, ".dropped", ".upload"};
	struct stat st;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(name, own[i]))
			return SPOOL_OWN;
	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) || !is_ours(&st))
		return SPOOL_FOREIGN;
	ret->bytes = st.st_size;
	ret->mtime_s = st.st_mtime;
	if (!strncmp(name, SPOOL_TEMPORARY, strlen(SPOOL_TEMPORARY)))
		return SPOOL_IS_TEMPORARY;
	if (name[0] == '.')
		return SPOOL_FOREIGN;
	if (ends_with(name, SPOOL_SUFFIX SPOOL_PARTIAL))
		return SPOOL_IS_PARTIAL;
	return ends_with(name, SPOOL_SUFFIX) ? SPOOL_REPORT : SPOOL_FOREIGN;
}

static int add(struct spool_files *files, const char *name, const struct spool_file *from)
{
	struct spool_file file = *from;

	file.name = strdup(name);
	if (!file.name || array_reserve((void **)&files->file, &files->cap, files->n, 1,
					sizeof(*files->file))) {
		free(file.name);
		return -ENOMEM;
	}
	files->file[files->n++] = file;
	files->bytes += file.bytes;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct spool_file *)a)->name, ((const struct spool_file *)b)->name);
}

/* Takes the descriptor. */
static int list(const struct spool *s, int fd, enum spool_class class, const char *suffix,
		struct spool_files *ret)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct spool_files files = {0};
	struct dirent *entry;
	struct stat st;
	int err = 0;

	if (!dir) {
		err = fd < 0 ? fd : -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	while (!err && (entry = readdir(dir))) {
		struct spool_file file = {0};

		if (suffix) {
			if (entry->d_name[0] == '.' || !ends_with(entry->d_name, suffix) ||
			    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) || !is_ours(&st))
				continue;
			file.bytes = st.st_size;
			file.mtime_s = st.st_mtime;
		} else if (spool_class_of(s, fd, entry->d_name, &file) != class) {
			continue;
		}
		err = add(&files, entry->d_name, &file);
	}
	closedir(dir);
	if (err) {
		spool_files_release(&files);
		return err;
	}
	if (files.n)
		qsort(files.file, files.n, sizeof(*files.file), by_name);
	*ret = files;
	return 0;
}

int spool_below(const struct spool *s, const char *directory)
{
	int fd = openat(s->fd, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int spool_list(const struct spool *s, enum spool_class class, struct spool_files *ret)
{
	return list(s, spool_below(s, "."), class, NULL, ret);
}

int spool_list_below(const struct spool *s, const char *directory, const char *suffix,
		     struct spool_files *ret)
{
	int fd = spool_below(s, directory);

	if (fd == -ENOENT) {
		*ret = (struct spool_files){0};
		return 0;
	}
	return list(s, fd, SPOOL_REPORT, suffix, ret);
}

void spool_files_release(struct spool_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->file[i].name);
	free(files->file);
	*files = (struct spool_files){0};
}

int spool_open_file(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), err;
	struct stat st;

	if (fd < 0)
		return errno == ELOOP ? -ESTALE : -errno;
	err = fstat(fd, &st) ? -errno : is_ours(&st) ? 0 : -ESTALE;
	if (err)
		close(fd);
	return err ? err : fd;
}

void spool_stats(const struct spool *s, struct spool_stats *ret)
{
	struct spool_files files;

	*ret = (struct spool_stats){0};
	if (spool_list(s, SPOOL_REPORT, &files))
		return;
	ret->reports = files.n;
	ret->bytes = files.bytes;
	spool_files_release(&files);
}
