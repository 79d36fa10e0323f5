// SPDX-License-Identifier: BSD-2-Clause
#include "user/daemon/state_dir.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "user/common/directory.h"

#define LOCK_NAME "lock"
#define ENDING_CPU ".cpu"
#define ENDING_BANDS ".metrics"

static void holder(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

static int take_lock(struct state_dir *s, char *error)
{
	char text[32];
	int err = 0;

	s->lock = openat(s->fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock < 0)
		err = -errno;
	else if (flock(s->lock, LOCK_EX | LOCK_NB))
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (err == -EBUSY) {
		holder(s->lock, text, sizeof(text));
		snprintf(error, STATE_ERROR,
			 "%s: another daemon is running: process %s holds the lock; stop it first, "
			 "or give this one a state_dir of its own",
			 s->path, text[0] ? text : "?");
		return err;
	}
	if (!err) {
		int n = snprintf(text, sizeof(text), "%d\n", getpid());

		if (ftruncate(s->lock, 0) || pwrite(s->lock, text, n, 0) != n)
			err = -errno;
	}
	if (err)
		snprintf(error, STATE_ERROR, "%s/" LOCK_NAME ": %s", s->path, strerror(-err));
	return err;
}

int state_dir_open(struct state_dir *ret, const char *path, char error[STATE_ERROR])
{
	struct state_dir s = { .fd = directory_open(path), .lock = -1, .path = strdup(path) };
	int err = s.fd < 0 ? s.fd : !s.path ? -ENOMEM : 0;

	if (err)
		snprintf(error, STATE_ERROR, "state_dir %s: %s", path, strerror(-err));
	else
		err = take_lock(&s, error);
	if (err) {
		state_dir_close(&s);
		return err;
	}
	*ret = s;
	return 0;
}

void state_dir_close(struct state_dir *s)
{
	if (s->path && s->fd >= 0)
		close(s->fd);
	if (s->path && s->lock >= 0)
		close(s->lock);
	free(s->path);
	*s = (struct state_dir){ .fd = -1, .lock = -1 };
}

/* A client's name as a file's: what isn't a letter or digit is %XX, so that no two are the same. */
static int file_name(const char *client, const char *ending, char name[NAME_MAX + 1])
{
	size_t n = snprintf(name, NAME_MAX + 1, "baseline-");

	for (const unsigned char *c = (const void *)client; *c; c++) {
		if (n + 16 > NAME_MAX - 16) /* the ending, ".damaged" and what a temporary file adds */
			return name[n] = '\0', -ENAMETOOLONG;
		if (isalnum(*c) || strchr("_-@", *c))
			name[n++] = *c;
		else
			n += sprintf(name + n, "%%%02x", *c);
	}
	snprintf(name + n, NAME_MAX + 1 - n, "%s", ending);
	return 0;
}

/* The name without our dots: a damaged file stays there to be looked at, one of each client. */
static void set_aside(struct state_dir *s, const char *name, int why, char *error)
{
	char aside[NAME_MAX + 16];

	snprintf(aside, sizeof(aside), "%s.damaged", name);
	int err = renameat(s->fd, name, s->fd, aside) ? errno : 0;

	snprintf(error, STATE_ERROR, "%.120s/%.200s: %s; it begins anew%s%.80s", s->path, name,
		 why == -EPROTO ? "another version wrote it" : "the file is damaged",
		 err ? ", setting it aside failed: " : ", the old one has .damaged behind its name",
		 err ? strerror(err) : "");
}

/* What a file of the client's has, at most `most` bytes, which the caller frees. 0 or -errno. */
static int get(struct state_dir *s, const char *client, const char *ending, size_t most,
	       char name[NAME_MAX + 1], void **ret_data, size_t *ret_size)
{
	int err = file_name(client, ending, name);

	return err ? err : directory_read(s->fd, name, most, ret_data, ret_size);
}

/* The file is unusable, or can't be read: what is to be said of it, and done with it. */
static int complain(struct state_dir *s, const char *name, int err, char *error)
{
	if (err == -EBADMSG || err == -EPROTO || err == -EFBIG) {
		set_aside(s, name, err, error);
		return -EBADMSG;
	}
	if (err && err != -ENOENT)
		snprintf(error, STATE_ERROR, "%s/%s: %s", s->path, name, strerror(-err));
	return err;
}

int state_dir_load(struct state_dir *s, const char *client, const struct baseline_options *options,
		   struct baseline **ret, char error[STATE_ERROR])
{
	char name[NAME_MAX + 1] = "";
	void *data = NULL;
	size_t size;
	int err = get(s, client, ENDING_CPU, 4 * baseline_size(), name, &data, &size);

	if (!err)
		err = baseline_load(options, data, size, ret);
	free(data);
	return complain(s, name, err, error);
}

int state_dir_load_bands(struct state_dir *s, const char *client, struct bands *bands,
			 char error[STATE_ERROR])
{
	char name[NAME_MAX + 1] = "";
	void *data = NULL;
	size_t size;
	int err = get(s, client, ENDING_BANDS, 4 * bands_size(), name, &data, &size);

	if (!err)
		err = bands_load(data, size, bands);
	free(data);
	return complain(s, name, err, error);
}

int state_dir_save(struct state_dir *s, const char *client, const struct baseline *baseline,
		   const struct bands *bands, char error[STATE_ERROR])
{
	size_t sizes[] = { baseline_size(), bands_size() };
	static const char *const endings[] = { ENDING_CPU, ENDING_BANDS };
	void *data = malloc(sizes[0] > sizes[1] ? sizes[0] : sizes[1]);
	int err = data ? 0 : -ENOMEM;

	for (int i = 0; i < 2 && !err; i++) {
		char name[NAME_MAX + 1];

		err = i ? bands_save(bands, data, sizes[i]) : baseline_save(baseline, data, sizes[i]);
		if (!err)
			err = file_name(client, endings[i], name);
		if (!err)
			err = directory_write(s->fd, name, data, sizes[i]);
	}
	if (err)
		snprintf(error, STATE_ERROR, "%s: the baseline of %s: %s", s->path, client,
			 strerror(-err));
	free(data);
	return err;
}
