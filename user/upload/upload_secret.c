// SPDX-License-Identifier: BSD-2-Clause
#include "user/upload/upload_secret.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_BYTES_MAX 4096
#define AUTHORITIES_BYTES_MAX (4u << 20)

/* NULL where it may be believed, else what is wrong with it. */
static const char *distrust(const struct stat *st, bool secret)
{
	if (!S_ISREG(st->st_mode))
		return "it is not a regular file";
	if (st->st_uid && st->st_uid != geteuid())
		return "it belongs to another user; chown it to root";
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "others can write to it; chmod go-w";
	return secret && (st->st_mode & S_IROTH) ? "every user can read it; chmod 600" : NULL;
}

static int read_whole(const char *path, bool secret, size_t most, char **ret, size_t *ret_size,
		      char *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *wrong = NULL;
	char *text = NULL;
	struct stat st;
	ssize_t n = -1;

	if (fd >= 0 && !fstat(fd, &st)) {
		wrong = distrust(&st, secret);
		if (!wrong && (text = malloc(most + 1)))
			n = read(fd, text, most + 1);
	}
	int err = n >= 0 ? 0 : wrong ? -EPERM : -errno;

	if (!err && (size_t)n > most) {
		wrong = "it is too large";
		err = -EFBIG;
	}
	if (fd >= 0)
		close(fd);
	if (err) {
		snprintf(error, UPLOAD_SECRET_ERROR, "%s: %s", path, wrong ? wrong : strerror(-err));
		free(text);
		return err;
	}
	text[n] = '\0';
	*ret = text;
	*ret_size = n;
	return 0;
}

int upload_token_read(const char *path, char **ret, char error[UPLOAD_SECRET_ERROR])
{
	char *text;
	size_t n;
	int err = read_whole(path, true, TOKEN_BYTES_MAX, &text, &n, error);

	if (err)
		return err;
	while (n && isspace((unsigned char)text[n - 1]))
		text[--n] = '\0';
	/* Anything else could end the header and begin another. */
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			err = -EINVAL;
	if (err || !n) {
		snprintf(error, UPLOAD_SECRET_ERROR,
			 "%s: it is no token: one line of printable characters without blanks",
			 path);
		free(text);
		return -EINVAL;
	}
	*ret = text;
	return 0;
}

int upload_authorities_read(const char *path, char **ret, size_t *ret_size,
			    char error[UPLOAD_SECRET_ERROR])
{
	int err = read_whole(path, false, AUTHORITIES_BYTES_MAX, ret, ret_size, error);

	if (err || strstr(*ret, "-----BEGIN "))
		return err;
	snprintf(error, UPLOAD_SECRET_ERROR, "%s: it holds no certificate in PEM", path);
	free(*ret);
	*ret = NULL;
	return -EINVAL;
}
