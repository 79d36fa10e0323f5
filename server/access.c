// SPDX-License-Identifier: BSD-2-Clause
#include "server/access.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "server/log.h"
#include "server/rate.h"

#define LOOK_EVERY_MS 1000

struct access {
	pthread_mutex_t lock;
	char *directory;
	bool open; /* until there is a token */
	uint64_t per_second;
	int64_t looked_ms;
	struct stat seen;
	struct tokens tokens;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Tokens keep their rates over a change of the file. */
static void keep_rates(const struct tokens *from, struct tokens *to)
{
	for (size_t i = 0; i < to->n; i++)
		for (size_t k = 0; k < from->n; k++)
			if (!memcmp(to->token[i].hash, from->token[k].hash, TOKEN_HASH_BYTES))
				to->token[i].rate = from->token[k].rate;
}

static int load(struct access *a, char error[TOKENS_ERROR_BYTES])
{
	char path[4096];
	struct stat now = {0};
	struct tokens tokens;
	int err;

	snprintf(path, sizeof(path), "%s/" TOKENS_FILE, a->directory);
	if (stat(path, &now) < 0)
		memset(&now, 0, sizeof(now));
	if (now.st_ino && same_file(&now, &a->seen))
		return 0;
	err = tokens_read(a->directory, &tokens, error);
	if (err)
		return err;
	keep_rates(&a->tokens, &tokens);
	tokens_release(&a->tokens);
	a->tokens = tokens;
	a->seen = now;
	/* From the first token on one is asked for, also when the last one has been revoked. */
	if (tokens.n)
		a->open = false;
	return 0;
}

/* A file that can't be read leaves nobody in: what was revoked must not come back. */
static void refresh(struct access *a)
{
	char error[TOKENS_ERROR_BYTES];
	int64_t now = now_ms();

	if (now < a->looked_ms + LOOK_EVERY_MS)
		return;
	a->looked_ms = now;
	if (!load(a, error))
		return;
	log_line("%s; no token is valid until this is mended", error);
	tokens_release(&a->tokens);
	memset(&a->seen, 0, sizeof(a->seen));
	a->open = false;
}

int access_new(const char *directory, bool open, uint64_t per_second, struct access **ret,
	       char error[TOKENS_ERROR_BYTES])
{
	struct access *a = calloc(1, sizeof(*a));
	int err;

	snprintf(error, TOKENS_ERROR_BYTES, "out of memory");
	if (!a)
		return -ENOMEM;
	pthread_mutex_init(&a->lock, NULL);
	a->directory = strdup(directory);
	a->open = open;
	a->per_second = per_second;
	err = a->directory ? load(a, error) : -ENOMEM;
	if (err)
		access_free(a);
	else
		*ret = a;
	return err;
}

void access_free(struct access *a)
{
	if (!a)
		return;
	tokens_release(&a->tokens);
	pthread_mutex_destroy(&a->lock);
	free(a->directory);
	free(a);
}

uint64_t access_tokens(struct access *a)
{
	uint64_t n;

	pthread_mutex_lock(&a->lock);
	refresh(a);
	n = a->tokens.n;
	pthread_mutex_unlock(&a->lock);
	return n;
}

void access_reload(struct access *a)
{
	pthread_mutex_lock(&a->lock);
	a->looked_ms = 0;
	pthread_mutex_unlock(&a->lock);
}

static enum access_verdict ask(struct access *a, const char *authorization, unsigned int scope)
{
	struct token *token;

	if (a->open)
		return ACCESS_OPEN;
	if (!authorization)
		return ACCESS_NO_TOKEN;
	if (strncasecmp(authorization, "Bearer ", 7))
		return ACCESS_WRONG_TOKEN;
	token = tokens_find(&a->tokens, authorization + 7);
	if (!token)
		return ACCESS_WRONG_TOKEN;
	if (scope && !(token->scopes & scope))
		return ACCESS_NO_SCOPE;
	return rate_take(&token->rate, a->per_second, now_ms()) ? ACCESS_GRANTED : ACCESS_TOO_OFTEN;
}

enum access_verdict access_ask(struct access *a, const char *authorization, unsigned int scope)
{
	enum access_verdict verdict;

	pthread_mutex_lock(&a->lock);
	refresh(a);
	verdict = ask(a, authorization, scope);
	pthread_mutex_unlock(&a->lock);
	return verdict;
}
