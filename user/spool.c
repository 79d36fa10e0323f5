// SPDX-License-Identifier: BSD-2-Clause
#include "user/spool.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "user/directory.h"
#include "user/lib/codec.h"
#include "user/lib/out.h"

#define SUFFIX ".bdr"
#define PARTIAL ".partial"
#define TEMPORARY ".writing-" /* in front */

int spool_open(struct spool *ret, const char *path, char error[SPOOL_ERROR])
{
	int fd = directory_open(path);

	*ret = (struct spool){ .fd = fd, .path = fd < 0 ? NULL : strdup(path) };
	if (fd >= 0 && ret->path)
		return 0;
	snprintf(error, SPOOL_ERROR, "spool %s: %s", path, strerror(fd < 0 ? -fd : ENOMEM));
	spool_close(ret);
	return fd < 0 ? fd : -ENOMEM;
}

void spool_close(struct spool *s)
{
	if (s->path && s->fd >= 0)
		close(s->fd);
	free(s->path);
	*s = (struct spool){ .fd = -1 };
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && !strcmp(text + n - m, end);
}

/* Calls fn for each name in the directory. */
static int each_name(const struct spool *s, void (*fn)(const struct spool *, const char *, void *),
		     void *arg)
{
	int fd = openat(s->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		int err = -errno;

		if (fd >= 0)
			close(fd);
		return err;
	}
	while ((entry = readdir(dir)))
		fn(s, entry->d_name, arg);
	closedir(dir);
	return 0;
}

static void recover(const struct spool *s, const char *name, void *arg)
{
	char whole[NAME_MAX + 1];
	int *recovered = arg;

	if (!strncmp(name, TEMPORARY, strlen(TEMPORARY))) {
		unlinkat(s->fd, name, 0);
		return;
	}
	if (!ends_with(name, SUFFIX PARTIAL))
		return;
	snprintf(whole, sizeof(whole), "%.*s", (int)(strlen(name) - strlen(PARTIAL)), name);
	/* Killed between the two last steps: the whole report is there already. */
	if (!faccessat(s->fd, whole, F_OK, AT_SYMLINK_NOFOLLOW))
		unlinkat(s->fd, name, 0);
	else if (!renameat(s->fd, name, s->fd, whole))
		++*recovered;
}

int spool_recover(struct spool *s)
{
	int recovered = 0, err = each_name(s, recover, &recovered);

	if (!err && recovered && fsync(s->fd))
		err = -errno;
	return err ? err : recovered;
}

void spool_name(const struct report *r, const char *client, char name[SPOOL_NAME])
{
	char safe[64], stamp[32];
	time_t t = r->window.trigger_ns / 1000000000;
	struct tm tm;
	size_t n = 0;

	for (; client[n] && n < sizeof(safe) - 1; n++)
		safe[n] = isalnum((unsigned char)client[n]) || strchr("_-", client[n]) ? client[n] : '_';
	safe[n] = '\0';
	gmtime_r(&t, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(name, SPOOL_NAME, "%s-%s-%02x%02x%02x%02x", stamp, safe, r->id[0], r->id[1],
		 r->id[2], r->id[3]);
}

static int fail(struct spool *s, const char *name, const char *why, char *error)
{
	snprintf(error, SPOOL_ERROR, "spool %s: %s: %s", s->path, name, why);
	return -EIO;
}

static int write_temporary(struct spool *s, const char *name, const struct report *r, char *error)
{
	int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct out out;

	if (fd < 0)
		return fail(s, name, strerror(errno), error);
	out_init(&out, fd);
	int err = report_encode(r, out_callback, &out);

	if (!err)
		err = out_finish(&out);
	if (!err && fsync(fd))
		err = -errno;
	out_release(&out);
	close(fd);
	if (!err)
		return 0;
	unlinkat(s->fd, name, 0);
	return fail(s, name, strerror(-err), error);
}

int spool_write(struct spool *s, const char *name, bool partial, const struct report *r,
		char error[SPOOL_ERROR])
{
	char temporary[NAME_MAX + 1], whole[NAME_MAX + 1], part[NAME_MAX + 1];

	snprintf(temporary, sizeof(temporary), TEMPORARY "%s", name);
	snprintf(whole, sizeof(whole), "%s" SUFFIX, name);
	snprintf(part, sizeof(part), "%s" SUFFIX PARTIAL, name);
	unlinkat(s->fd, temporary, 0);
	int err = write_temporary(s, temporary, r, error);

	if (err)
		return err;
	if (renameat(s->fd, temporary, s->fd, partial ? part : whole)) {
		err = fail(s, name, strerror(errno), error);
		unlinkat(s->fd, temporary, 0);
		return err;
	}
	if (!partial)
		unlinkat(s->fd, part, 0);
	return fsync(s->fd) ? fail(s, name, strerror(errno), error) : 0;
}

static void count(const struct spool *s, const char *name, void *arg)
{
	struct spool_stats *stats = arg;
	struct stat st;

	if (name[0] == '.' || !ends_with(name, SUFFIX) ||
	    fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return;
	stats->reports++;
	stats->bytes += st.st_size;
}

void spool_stats(const struct spool *s, struct spool_stats *ret)
{
	*ret = (struct spool_stats){ 0 };
	each_name(s, count, ret);
}
