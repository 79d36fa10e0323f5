// SPDX-License-Identifier: BSD-2-Clause
#include "user/upload/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/common/directory.h"
#include "user/lib/profile/codec.h"
#include "user/lib/base/out.h"

#define ROOM_TRIES 64

static int take(struct spool *ret, int fd, const char *path, char *error)
{
	*ret = (struct spool){
		.fd = fd,
		.path = fd < 0 ? NULL : strdup(path),
		.limits = spool_limits_default,
	};
	if (fd >= 0 && ret->path)
		return 0;
	int err = fd < 0 ? fd : -ENOMEM;

	snprintf(error, SPOOL_ERROR, "spool %s: %s%s", path, strerror(-err),
		 err == -ENOENT ? "; `backdraft watch` makes it at its start" : "");
	spool_close(ret);
	return err;
}

int spool_open(struct spool *ret, const char *path, char error[SPOOL_ERROR])
{
	int err = take(ret, directory_open(path), path, error);

	if (err)
		return err;
	err = spool_counts_load(ret);
	if (err) {
		snprintf(error, SPOOL_ERROR, "spool %s: .dropped: %s", path, strerror(-err));
		spool_close(ret);
	}
	return err;
}

static int open_there(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if ((st.st_uid && st.st_uid != geteuid()) || (st.st_mode & S_IWOTH))
		err = -EPERM;
	if (err)
		close(fd);
	return err ? err : fd;
}

int spool_attach(struct spool *ret, const char *path, char error[SPOOL_ERROR])
{
	struct stat st;
	int err = take(ret, open_there(path), path, error);

	if (!err && !fstat(ret->fd, &st)) {
		ret->shared = st.st_mode & S_IWGRP;
		ret->group = st.st_gid;
	}
	return err;
}

void spool_close(struct spool *s)
{
	if (s->path && s->fd >= 0)
		close(s->fd);
	for (size_t i = 0; i < s->dropped.n; i++)
		free(s->dropped.name[i]);
	free(s->dropped.name);
	free(s->dropped.count);
	spool_files_release(&s->victims);
	free(s->path);
	*s = (struct spool){.fd = -1};
}

static int share_directory(int fd, gid_t group)
{
	return fchown(fd, -1, group) || fchmod(fd, 0770) ? -errno : 0;
}

/* What an earlier daemon wrote while nothing was uploaded. */
static void share_files(struct spool *s)
{
	struct spool_files files;

	if (spool_list(s, SPOOL_REPORT, &files))
		return;
	for (size_t i = 0; i < files.n; i++) {
		int fd = spool_open_file(s->fd, files.file[i].name);

		if (fd < 0)
			continue;
		(void)!fchown(fd, -1, s->group);
		fchmod(fd, 0640);
		close(fd);
	}
	spool_files_release(&files);
}

int spool_share(struct spool *s, gid_t group)
{
	static const char *const below[] = {SPOOL_REJECTED, SPOOL_DAMAGED, SPOOL_BEATS};
	int err = share_directory(s->fd, group);

	s->shared = !err;
	s->group = group;
	for (size_t i = 0; !err && i < sizeof(below) / sizeof(*below); i++) {
		if (mkdirat(s->fd, below[i], 0700) && errno != EEXIST)
			return -errno;
		int fd = spool_below(s, below[i]);

		err = fd < 0 ? fd : share_directory(fd, group);
		if (fd >= 0)
			close(fd);
	}
	if (!err)
		share_files(s);
	return err;
}

bool spool_is_there(const struct spool *s)
{
	struct stat open_one, named;

	if (fstat(s->fd, &open_one) || !open_one.st_nlink)
		return false;
	/* The uploader may not be allowed to go where it is; it has the directory all the same. */
	if (lstat(s->path, &named))
		return errno == EACCES;
	return open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/* The counts go on: they are of the spool, and a new one has none of its own. */
int spool_revive(struct spool *s)
{
	if (spool_is_there(s))
		return 0;
	int fd = directory_open(s->path);

	if (fd < 0)
		return fd;
	close(s->fd);
	s->fd = fd;
	s->counts_late = s->dropped.n;
	return s->shared ? spool_share(s, s->group) : 0;
}

bool spool_complete(struct spool *s, const char *name)
{
	char whole[NAME_MAX + 1];

	snprintf(whole, sizeof(whole), "%.*s", (int)(strlen(name) - strlen(SPOOL_PARTIAL)), name);
	/* Killed between the two last steps: the whole report is there already. */
	if (!faccessat(s->fd, whole, F_OK, AT_SYMLINK_NOFOLLOW)) {
		unlinkat(s->fd, name, 0);
		return false;
	}
	return !renameat(s->fd, name, s->fd, whole);
}

int spool_recover(struct spool *s)
{
	struct spool_files files;
	int recovered = 0, err = spool_list(s, SPOOL_IS_TEMPORARY, &files);

	if (err)
		return err;
	for (size_t i = 0; i < files.n; i++)
		unlinkat(s->fd, files.file[i].name, 0);
	spool_files_release(&files);
	err = spool_list(s, SPOOL_IS_PARTIAL, &files);
	if (err)
		return err;
	for (size_t i = 0; i < files.n; i++)
		recovered += spool_complete(s, files.file[i].name);
	spool_files_release(&files);
	return recovered && fsync(s->fd) ? -errno : recovered;
}

static int fail(struct spool *s, const char *name, int err, char *error)
{
	struct spool_stats stats;

	spool_stats(s, &stats);
	snprintf(error, SPOOL_ERROR, "spool %s: %s: %s; %llu reports waiting", s->path, name,
		 strerror(-err), (unsigned long long)stats.reports);
	return err;
}

static int write_temporary(struct spool *s, const char *name, const struct report *r)
{
	int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct out out;

	if (fd < 0)
		return -errno;
	out_init(&out, fd);
	int err = report_encode(r, out_callback, &out);

	if (!err)
		err = out_finish(&out);
	if (!err && s->shared && (fchown(fd, -1, s->group) || fchmod(fd, 0640)))
		err = -errno;
	if (!err && fsync(fd))
		err = -errno;
	out_release(&out);
	if (close(fd) && !err)
		err = -errno;
	if (err)
		unlinkat(s->fd, name, 0);
	else
		s->last_bytes = out.bytes;
	return err;
}

/* A full disk, a quota: what goes first goes now, one after the other. */
static int write_with_room(struct spool *s, const char *name, const struct report *r)
{
	int err = write_temporary(s, name, r);

	for (int i = 0; i < ROOM_TRIES && (err == -ENOSPC || err == -EDQUOT); i++) {
		if (!spool_drop_one(s))
			break;
		err = write_temporary(s, name, r);
	}
	return err;
}

int spool_write(struct spool *s, const char *name, bool partial, const struct report *r,
		char error[SPOOL_ERROR])
{
	char temporary[NAME_MAX + 1], whole[NAME_MAX + 1], part[NAME_MAX + 1];
	int err = spool_revive(s);

	if (!r->scrub.present) {
		snprintf(error, SPOOL_ERROR, "%s: %s is not written: what is personal is still in it",
			 s->path, name);
		return -EPERM;
	}
	if (err)
		return fail(s, name, err, error);
	snprintf(temporary, sizeof(temporary), SPOOL_TEMPORARY "%s", name);
	snprintf(whole, sizeof(whole), "%s" SPOOL_SUFFIX, name);
	snprintf(part, sizeof(part), "%s" SPOOL_SUFFIX SPOOL_PARTIAL, name);
	unlinkat(s->fd, temporary, 0);
	/* As much as the last one took; where it was more, the next second makes it good. */
	spool_make_room(s, s->last_bytes);
	err = write_with_room(s, temporary, r);
	if (err)
		return fail(s, name, err, error);
	if (renameat(s->fd, temporary, s->fd, partial ? part : whole)) {
		err = fail(s, name, -errno, error);
		unlinkat(s->fd, temporary, 0);
		return err;
	}
	if (!partial)
		unlinkat(s->fd, part, 0);
	return fsync(s->fd) ? fail(s, name, -errno, error) : 0;
}
