// SPDX-License-Identifier: BSD-2-Clause
#include "user/verbs/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/verbs/invoker.h"

#define OUTFILE_TRIES 8

static int outfile_error(char *error, const char *path, int status)
{
	snprintf(error, OUTFILE_ERROR_BYTES, "%s: %s", path, strerror(-status));
	return status;
}

static const char *outfile_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The directory that the file is to be in. */
static int outfile_directory(const char *path)
{
	size_t len = outfile_base(path) - path;
	char *name = len ? strndup(path, len) : strdup(".");
	int fd = name ? open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int status = name ? -errno : -ENOMEM;

	free(name);
	return fd < 0 ? status : fd;
}

static int outfile_direct(struct outfile *f, const char *path, char *error)
{
	f->fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	f->direct = true;
	return f->fd < 0 ? outfile_error(error, path, -errno) : 0;
}

static int outfile_create(struct outfile *f, const char *base)
{
	int status;

	for (int i = 0; i < OUTFILE_TRIES; i++) {
		uint64_t number = 0;

		free(f->temporary);
		f->temporary = NULL;
		if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
			number = (uint64_t)getpid() << 16 | i;
		/* The name of the file itself may be as long as names get. */
		if (asprintf(&f->temporary, ".%.200s.%08x.tmp", base, (unsigned int)number) < 0) {
			f->temporary = NULL;
			return -ENOMEM;
		}
		f->fd = openat(f->directory, f->temporary,
			       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (f->fd >= 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	/* What has that name is somebody else's, and stays. */
	status = -errno;
	free(f->temporary);
	f->temporary = NULL;
	return status;
}

/* What may not be replaced: 0, 1 for a device, or -errno and the reason. */
static int outfile_target(const char *path, char *error)
{
	struct stat st;

	if (!*outfile_base(path))
		return outfile_error(error, *path ? path : "the empty name", -EISDIR);
	if (lstat(path, &st))
		return errno == ENOENT ? 0 : outfile_error(error, path, -errno);
	if (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode))
		return S_ISCHR(st.st_mode);
	if (S_ISDIR(st.st_mode))
		return outfile_error(error, path, -EISDIR);
	snprintf(error, OUTFILE_ERROR_BYTES, "%s: %s; name a plain file", path,
		 S_ISLNK(st.st_mode) ? "a symbolic link, which is not followed"
				     : "neither a file nor new");
	return -EEXIST;
}

int outfile_open(struct outfile *ret, const char *path, char error[OUTFILE_ERROR_BYTES])
{
	struct outfile f = {.fd = -1, .directory = -1};
	uid_t uid;
	gid_t gid;
	int status;

	if (!strcmp(path, "-") || !strcmp(path, "/dev/stdout")) {
		*ret = (struct outfile){.fd = STDOUT_FILENO, .directory = -1, .direct = true};
		return 0;
	}
	status = outfile_target(path, error);
	if (status < 0)
		return status;
	if (status) {
		status = outfile_direct(&f, path, error);
		if (!status)
			*ret = f;
		return status;
	}
	f.path = strdup(path);
	f.directory = outfile_directory(path);
	status = !f.path ? -ENOMEM : f.directory < 0 ? f.directory : 0;
	if (!status)
		status = outfile_create(&f, outfile_base(path));
	if (status) {
		outfile_abort(&f);
		return outfile_error(error, path, status);
	}
	/* Where the file system knows no owners, root's file is still a file. */
	if (invoker_find(&uid, &gid) && fchown(f.fd, uid, gid) && errno != EPERM &&
	    errno != EINVAL && errno != ENOSYS && errno != EROFS) {
		status = outfile_error(error, path, -errno);
		outfile_abort(&f);
		return status;
	}
	*ret = f;
	return 0;
}

int outfile_commit(struct outfile *f, char error[OUTFILE_ERROR_BYTES])
{
	const char *base = f->path ? outfile_base(f->path) : NULL;
	int status = 0;

	if (!f->direct) {
		if (fsync(f->fd) || renameat(f->directory, f->temporary, f->directory, base)) {
			status = -errno;
		} else {
			free(f->temporary);
			f->temporary = NULL;
		}
		/* Some file systems cannot sync a directory; the file is there all the same. */
		if (!status && fsync(f->directory) && errno != EINVAL && errno != EROFS)
			status = -errno;
		if (status)
			outfile_error(error, f->path, status);
	}
	outfile_abort(f);
	return status;
}

void outfile_abort(struct outfile *f)
{
	if (f->fd > STDOUT_FILENO)
		close(f->fd);
	if (f->temporary && f->directory >= 0)
		unlinkat(f->directory, f->temporary, 0);
	if (f->directory > STDOUT_FILENO)
		close(f->directory);
	free(f->path);
	free(f->temporary);
	*f = (struct outfile){.fd = -1, .directory = -1};
}
