// SPDX-License-Identifier: BSD-2-Clause
/* Opening in the reader child: the file that a process has mapped, wherever it is by now. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "user/reader/reader_child.h"

#define OVERLAYFS_MAGIC 0x794c7630
#define MAPS_BYTES_MAX (32u << 20)

enum reader_reason reader_child_reason(int err)
{
	for (int reason = 0; reason < READER_REASON_N; reason++)
		if (reader_reason_is_childs(reason) && reader_reason_error(reason) == err)
			return reason;
	switch (err) {
	case -ENOTDIR:
	case -ESRCH:
	case -ELOOP:
	case -ENXIO:
		return READER_GONE;
	case -EPERM:
	case -EAGAIN:
	case -EXDEV:
		return READER_DENIED;
	default:
		return READER_READ;
	}
}

int reader_child_openat2(const char *path, int flags)
{
	/* openat2 refuses what has no meaning with O_PATH. */
	const struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY))};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

int reader_child_open_regular(int path_fd, struct stat *ret_st)
{
	char link[64];
	struct stat st;
	int fd = -EINVAL;

	if (fstat(path_fd, &st) < 0) {
		fd = -errno;
	} else {
		*ret_st = st;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
		if (S_ISREG(st.st_mode))
			fd = reader_child_openat2(link, O_RDONLY | O_NONBLOCK);
	}
	close(path_fd);
	return fd;
}

int reader_child_open_below(int pid, const char *path, struct stat *ret_st)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	char root[64] = "/";
	int dir, fd;

	if (pid)
		snprintf(root, sizeof(root), "/proc/%d/root", pid);
	dir = reader_child_openat2(root, O_PATH | O_DIRECTORY);
	if (dir < 0)
		return dir;
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	fd = fd < 0 ? -errno : fd;
	close(dir);
	return fd < 0 ? fd : reader_child_open_regular(fd, ret_st);
}

static int open_mapping(int pid, uint64_t start, uint64_t end, struct stat *ret_st)
{
	char link[96];
	int fd;

	snprintf(link, sizeof(link), "/proc/%d/map_files/%llx-%llx", pid, (unsigned long long)start,
		 (unsigned long long)end);
	fd = reader_child_openat2(link, O_PATH);
	return fd < 0 ? fd : reader_child_open_regular(fd, ret_st);
}

static FILE *open_proc(int pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = reader_child_openat2(path, O_RDONLY);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	return fdopen(fd, "r");
}

/*
 * The mapping was split or moved since: another one of the same file will do, because what is
 * mapped is the file that was there then, also when its path now leads to its successor.
 */
static int open_other_mapping(const struct reader_where *where, struct stat *ret_st)
{
	unsigned long long start, end, inode;
	unsigned major, minor;
	size_t len = 0, cap = 0, total = 0;
	char *line = NULL;
	int fd = -ENOENT;
	ssize_t n;
	FILE *maps = open_proc(where->pid, "maps");

	if (!maps)
		return -errno;
	while (fd == -ENOENT && (n = getline(&line, &cap, maps)) > 0 &&
	       (total += (size_t)n) < MAPS_BYTES_MAX) {
		if (sscanf(line, "%llx-%llx %*s %*x %x:%x %llu", &start, &end, &major, &minor,
			   &inode) != 5 ||
		    inode != where->inode || major != where->dev_major || minor != where->dev_minor)
			continue;
		fd = open_mapping(where->pid, start, end, ret_st);
		len++;
	}
	free(line);
	fclose(maps);
	return len ? fd : -ENOENT;
}

/*
 * Anonymous devices (overlayfs, btrfs) show one number in a mapping and another in stat, so where
 * either is one the inode alone decides. Through a mapping, overlayfs may show the inode of the
 * layer below.
 */
static bool same_file(const struct reader_where *where, const struct stat *st, int fd, bool mapping)
{
	struct statfs fs;

	if (where->inode == 0)
		return true;
	if (where->inode == st->st_ino)
		return (where->dev_major == major(st->st_dev) &&
			where->dev_minor == minor(st->st_dev)) ||
		       where->dev_major == 0 || major(st->st_dev) == 0;
	return mapping && fstatfs(fd, &fs) == 0 && fs.f_type == OVERLAYFS_MAGIC;
}

static enum reader_reason open_elf(const struct reader_where *where, int *ret_fd,
				   struct stat *ret_st)
{
	bool mapped = where->pid && where->end > where->start;
	bool replaced = false;
	int fd;

	for (int attempt = mapped ? 0 : 2; attempt < 4; attempt++) {
		/* The machine's own root only for a process that is gone, and a file that can be
		 * told. */
		if (attempt == 0)
			fd = open_mapping(where->pid, where->start, where->end, ret_st);
		else if (attempt == 1)
			fd = where->inode ? open_other_mapping(where, ret_st) : -ENOENT;
		else if (attempt == 2)
			fd = reader_child_open_below(where->pid, where->path, ret_st);
		else if (where->pid && fd == -ENOENT && where->inode)
			fd = reader_child_open_below(0, where->path, ret_st);
		else
			break;
		if (fd < 0)
			continue;
		if (same_file(where, ret_st, fd, attempt < 2)) {
			*ret_fd = fd;
			return READER_NONE;
		}
		close(fd);
		replaced = true;
		fd = -ESTALE;
	}
	return replaced ? READER_REPLACED : reader_child_reason(fd);
}

/* The effective user: /proc/PID belongs to root where the process may not be dumped. */
static int user_of(int pid, uid_t *ret)
{
	FILE *status = open_proc(pid, "status");
	char line[256];
	unsigned uid;
	int err = -ESRCH;

	if (!status)
		return -errno;
	while (err < 0 && fgets(line, sizeof(line), status))
		if (sscanf(line, "Uid: %*u %u", &uid) == 1)
			err = 0;
	fclose(status);
	*ret = uid;
	return err;
}

/* Anybody may put a file of that name into /tmp, and the names in it would be shown as the
 * process's. */
static enum reader_reason open_perf_map(const struct reader_where *where, int *ret_fd,
					struct stat *ret_st)
{
	uid_t uid = 0;
	int err = user_of(where->pid, &uid);
	int fd;

	if (err < 0)
		return READER_GONE;
	fd = reader_child_open_below(where->pid, where->path, ret_st);
	if (fd < 0)
		return reader_child_reason(fd);
	if (ret_st->st_uid != uid) {
		close(fd);
		return READER_OWNER;
	}
	*ret_fd = fd;
	return READER_NONE;
}

enum reader_reason reader_child_open(const struct reader_where *where, int *ret_fd,
				     struct stat *ret_st)
{
	return where->kind == READER_PERF_MAP ? open_perf_map(where, ret_fd, ret_st)
					      : open_elf(where, ret_fd, ret_st);
}
