// SPDX-License-Identifier: BSD-2-Clause
#include "server/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/base/array.h"

#define TOKEN_PREFIX "bd_"
#define LINE_BYTES 256

static const struct {
	enum token_scope scope;
	const char *name;
} scopes[] = {{TOKEN_INGEST, "ingest"}, {TOKEN_READ, "read"}, {TOKEN_ADMIN, "admin"}};
#define N_SCOPES (sizeof(scopes) / sizeof(scopes[0]))

int token_scopes_parse(const char *text, unsigned int *ret)
{
	unsigned int found = 0;

	while (*text) {
		size_t len = strcspn(text, ","), i;

		for (i = 0; i < N_SCOPES; i++)
			if (strlen(scopes[i].name) == len && !strncmp(scopes[i].name, text, len))
				break;
		if (i == N_SCOPES)
			return -EINVAL;
		found |= scopes[i].scope;
		text += len;
		if (*text && !*++text)
			return -EINVAL;
	}
	if (!found)
		return -EINVAL;
	*ret = found;
	return 0;
}

void token_scopes_text(unsigned int set, char ret[32])
{
	size_t n = 0;

	*ret = '\0';
	for (size_t i = 0; i < N_SCOPES; i++)
		if (set & scopes[i].scope)
			n += snprintf(ret + n, 32 - n, "%s%s", n ? "," : "", scopes[i].name);
}

static bool good_name(const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

	return *name && strlen(name) <= TOKEN_NAME_MAX && !name[strspn(name, allowed)];
}

static void to_hex(const uint8_t *from, size_t n, char *to)
{
	for (size_t i = 0; i < n; i++)
		sprintf(to + 2 * i, "%02x", from[i]);
}

static int from_hex(const char *from, size_t n, uint8_t *to)
{
	if (strlen(from) != 2 * n || from[strspn(from, "0123456789abcdef")])
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		char two[3] = {from[2 * i], from[2 * i + 1]};

		to[i] = strtoul(two, NULL, 16);
	}
	return 0;
}

static int hash_of(const char *text, uint8_t ret[TOKEN_HASH_BYTES])
{
	return gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), ret) < 0 ? -EINVAL : 0;
}

static int add(struct tokens *t, const struct token *token)
{
	if (t->n >= TOKENS_MAX)
		return -E2BIG;
	if (array_reserve((void **)&t->token, &t->cap, t->n, 1, sizeof(*token)))
		return -ENOMEM;
	t->token[t->n++] = *token;
	return 0;
}

static int read_line(const char *line, struct token *ret)
{
	char name[LINE_BYTES], scope[LINE_BYTES], hash[LINE_BYTES];
	struct token token = {0};
	long long created;

	if (sscanf(line, "%255s %255s %lld %255s", name, scope, &created, hash) != 4 ||
	    !good_name(name) || token_scopes_parse(scope, &token.scopes) ||
	    from_hex(hash, sizeof(token.hash), token.hash))
		return -EINVAL;
	snprintf(token.name, sizeof(token.name), "%.*s", TOKEN_NAME_MAX, name);
	token.created_s = created;
	*ret = token;
	return 0;
}

static FILE *open_file(const char *directory, char *path, size_t path_bytes)
{
	snprintf(path, path_bytes, "%s/" TOKENS_FILE, directory);
	return fopen(path, "re");
}

int tokens_read(const char *directory, struct tokens *ret, char error[TOKENS_ERROR_BYTES])
{
	char path[4096], line[LINE_BYTES];
	FILE *file = open_file(directory, path, sizeof(path));
	struct tokens t = {0};
	unsigned int number = 0;
	int err = 0;

	if (!file && errno != ENOENT) {
		err = -errno;
		snprintf(error, TOKENS_ERROR_BYTES, "%.400s: %s", path, strerror(-err));
		return err;
	}
	while (file && !err && fgets(line, sizeof(line), file)) {
		struct token token;

		number++;
		if (*line == '#' || *line == '\n')
			continue;
		err = read_line(line, &token);
		if (!err)
			err = add(&t, &token);
		if (err)
			snprintf(error, TOKENS_ERROR_BYTES, "%.400s:%u: %s", path, number,
				 err == -EINVAL ? "not a token's line" : strerror(-err));
	}
	if (file)
		fclose(file);
	if (err)
		tokens_release(&t);
	else
		*ret = t;
	return err;
}

void tokens_release(struct tokens *t)
{
	free(t->token);
	*t = (struct tokens){0};
}

/* A temporary file, fsync, rename: there is always a whole one. */
static int write_file(const char *directory, const struct tokens *t)
{
	char path[4096], temporary[4096], scope[32], hash[2 * TOKEN_HASH_BYTES + 1];
	FILE *file;
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/" TOKENS_FILE, directory);
	snprintf(temporary, sizeof(temporary), "%s/." TOKENS_FILE ".new", directory);
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		return -errno;
	fputs("# name, scopes, made at, SHA-256 of the token\n", file);
	for (size_t i = 0; i < t->n; i++) {
		token_scopes_text(t->token[i].scopes, scope);
		to_hex(t->token[i].hash, TOKEN_HASH_BYTES, hash);
		fprintf(file, "%s %s %lld %s\n", t->token[i].name, scope,
			(long long)t->token[i].created_s, hash);
	}
	if (fflush(file) || ferror(file) || fsync(fd) < 0)
		err = -errno;
	if (fclose(file) && !err)
		err = -errno;
	if (!err && rename(temporary, path) < 0)
		err = -errno;
	if (err)
		unlink(temporary);
	return err;
}

/* Two that change it at one time: the lock is on the directory itself. */
static int lock(const char *directory, char error[TOKENS_ERROR_BYTES])
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		return fd;
	err = -errno;
	snprintf(error, TOKENS_ERROR_BYTES, "%.400s: %s", directory, strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

static struct token *named(struct tokens *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->token[i].name, name))
			return &t->token[i];
	return NULL;
}

static int create(const char *directory, struct tokens *t, const char *name, unsigned int scope,
		  char ret_text[TOKEN_TEXT_BYTES], char error[TOKENS_ERROR_BYTES])
{
	struct token token = {.scopes = scope, .created_s = time(NULL)};
	char text[TOKEN_TEXT_BYTES] = TOKEN_PREFIX;
	uint8_t bits[32];
	int err;

	if (named(t, name)) {
		snprintf(error, TOKENS_ERROR_BYTES,
			 "there is a token '%s' already: revoke it first", name);
		return -EEXIST;
	}
	if (getrandom(bits, sizeof(bits), 0) != sizeof(bits))
		return -errno;
	to_hex(bits, sizeof(bits), text + strlen(TOKEN_PREFIX));
	snprintf(token.name, sizeof(token.name), "%s", name);
	err = hash_of(text, token.hash);
	if (!err)
		err = add(t, &token);
	if (!err)
		err = write_file(directory, t);
	if (err)
		snprintf(error, TOKENS_ERROR_BYTES, "%.400s/" TOKENS_FILE ": %s", directory,
			 strerror(-err));
	else
		memcpy(ret_text, text, sizeof(text));
	return err;
}

int tokens_create(const char *directory, const char *name, unsigned int scope,
		  char ret_text[TOKEN_TEXT_BYTES], char error[TOKENS_ERROR_BYTES])
{
	struct tokens t;
	int fd, err;

	if (!good_name(name)) {
		snprintf(error, TOKENS_ERROR_BYTES,
			 "'%.100s': a token's name has 1 to %d letters, digits, '.', '-' and '_'",
			 name, TOKEN_NAME_MAX);
		return -EINVAL;
	}
	fd = lock(directory, error);
	if (fd < 0)
		return fd;
	err = tokens_read(directory, &t, error);
	if (!err) {
		err = create(directory, &t, name, scope, ret_text, error);
		tokens_release(&t);
	}
	close(fd);
	return err;
}

int tokens_revoke(const char *directory, const char *name, char error[TOKENS_ERROR_BYTES])
{
	int fd = lock(directory, error), err;
	struct tokens t = {0};
	struct token *token;

	if (fd < 0)
		return fd;
	err = tokens_read(directory, &t, error);
	token = err ? NULL : named(&t, name);
	if (token) {
		*token = t.token[--t.n];
		err = write_file(directory, &t);
		if (err)
			snprintf(error, TOKENS_ERROR_BYTES, "%.400s/" TOKENS_FILE ": %s", directory,
				 strerror(-err));
	} else if (!err) {
		err = -ENOENT;
		snprintf(error, TOKENS_ERROR_BYTES, "there is no token '%.100s'", name);
	}
	tokens_release(&t);
	close(fd);
	return err;
}

struct token *tokens_find(struct tokens *t, const char *text)
{
	uint8_t hash[TOKEN_HASH_BYTES];
	struct token *found = NULL;

	if (hash_of(text, hash))
		return NULL;
	/* All of them, whichever fits. */
	for (size_t i = 0; i < t->n; i++)
		if (!gnutls_memcmp(hash, t->token[i].hash, sizeof(hash)))
			found = &t->token[i];
	return found;
}
