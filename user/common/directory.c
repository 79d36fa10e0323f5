// SPDX-License-Identifier: BSD-2-Clause
#include "user/common/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_parents(const char *path)
{
	char part[PATH_MAX];

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return -ENAMETOOLONG;
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

int directory_open(const char *path)
{
	int err = make_parents(path);
	struct stat st;

	if (!err && mkdir(path, 0700) && errno != EEXIST)
		err = -errno;
	if (err)
		return err;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (st.st_uid != geteuid() || (st.st_mode & S_IWOTH))
		err = -EPERM;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static int read_all(int fd, void *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, (char *)data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		done += n;
	}
	return 0;
}

int directory_read(int directory, const char *name, size_t most, void **ret_data, size_t *ret_size)
{
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), err = 0;
	struct stat st;
	void *data = NULL;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > most)
		err = -EFBIG;
	if (!err && !(data = malloc(st.st_size + 1)))
		err = -ENOMEM;
	if (!err)
		err = read_all(fd, data, st.st_size);
	close(fd);
	if (err) {
		free(data);
		return err;
	}
	*ret_data = data;
	*ret_size = st.st_size;
	return 0;
}

static int write_all(int fd, const void *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = write(fd, (const char *)data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += n;
	}
	return fsync(fd) ? -errno : 0;
}

int directory_write(int directory, const char *name, const void *data, size_t size)
{
	return directory_write_group(directory, name, data, size, -1);
}

int directory_write_group(int directory, const char *name, const void *data, size_t size,
			  int64_t group)
{
	char temporary[NAME_MAX + 1];

	if (snprintf(temporary, sizeof(temporary), ".writing-%s", name) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	unlinkat(directory, temporary, 0);
	int fd = openat(directory, temporary,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	int err = group >= 0 && (fchown(fd, -1, group) || fchmod(fd, 0640)) ? -errno : 0;

	if (!err)
		err = write_all(fd, data, size);
	close(fd);
	if (!err && renameat(directory, temporary, directory, name))
		err = -errno;
	if (err) {
		unlinkat(directory, temporary, 0);
		return err;
	}
	return fsync(directory) ? -errno : 0;
}
