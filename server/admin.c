// SPDX-License-Identifier: BSD-2-Clause
/* The verbs of who looks after the receiver: tokens, and the store at rest. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/body.h"
#include "server/log.h"
#include "server/privileges.h"
#include "server/tokens.h"
#include "server/verb.h"

int verb_enter_directory(const struct server_config *config)
{
	char error[PRIVILEGES_ERROR_BYTES];
	int err = 0;

	/* The first use of all: as the receiver itself would. */
	if (access(config->data, F_OK) < 0)
		err = privileges_drop(config, error);
	else
		err = privileges_become_owner(config->data, error);
	if (!err)
		return VERB_DONE;
	log_line("%s", error);
	return err == -EPERM ? VERB_WRONG_USE : VERB_FAILED;
}

int verb_open_store(const struct server_config *config, bool alone, struct store **ret)
{
	const struct store_ops *ops = store_find(config->store);
	char error[STORE_ERROR_BYTES];
	int status = verb_enter_directory(config);

	if (status)
		return status;
	if (!ops)
		return verb_usage("no store '%s'", config->store);
	if (!ops->open(config->data, alone, ret, error))
		return VERB_DONE;
	log_line("%s", error);
	return VERB_FAILED;
}

static int token_create(const char *directory, const char *name, const char *scopes)
{
	char text[TOKEN_TEXT_BYTES], error[TOKENS_ERROR_BYTES];
	unsigned int set;
	int err;

	if (token_scopes_parse(scopes, &set))
		return verb_usage(
			"scopes '%s': allowed are ingest, read and admin, with commas between",
			scopes);
	err = tokens_create(directory, name, set, text, error);
	if (err) {
		log_line("%s", error);
		return err == -EINVAL || err == -EEXIST ? VERB_WRONG_USE : VERB_FAILED;
	}
	/* The only time that it is seen. */
	printf("%s\n", text);
	return VERB_DONE;
}

static int token_list(const char *directory)
{
	char error[TOKENS_ERROR_BYTES], scopes[32], made[32];
	struct tokens t;

	if (tokens_read(directory, &t, error)) {
		log_line("%s", error);
		return VERB_FAILED;
	}
	for (size_t i = 0; i < t.n; i++) {
		time_t created = t.token[i].created_s;
		struct tm tm;

		token_scopes_text(t.token[i].scopes, scopes);
		gmtime_r(&created, &tm);
		strftime(made, sizeof(made), "%Y-%m-%dT%H:%M:%SZ", &tm);
		printf("%s %s %s\n", t.token[i].name, scopes, made);
	}
	tokens_release(&t);
	return VERB_DONE;
}

static int token_revoke(const char *directory, const char *name)
{
	char error[TOKENS_ERROR_BYTES];
	int err = tokens_revoke(directory, name, error);

	if (!err)
		return VERB_DONE;
	log_line("%s", error);
	return err == -ENOENT ? VERB_WRONG_USE : VERB_FAILED;
}

int verb_token(struct server_config *config, int n, char **args)
{
	bool create = n >= 2 && n <= 3 && !strcmp(args[0], "create");
	bool list = n == 1 && !strcmp(args[0], "list");
	bool revoke = n == 2 && !strcmp(args[0], "revoke");
	int status;

	if (!create && !list && !revoke)
		return verb_usage("token create NAME [SCOPES], token list, or token revoke NAME");
	status = verb_enter_directory(config);
	if (status)
		return status;
	if (create)
		return token_create(config->data, args[1], n == 3 ? args[2] : "ingest");
	return list ? token_list(config->data) : token_revoke(config->data, args[1]);
}

static void print_line(void *ctx, const char *text)
{
	printf("%s\n", text);
}

int verb_fsck(struct server_config *config, int n, char **args)
{
	struct store *store;
	int64_t wrong;
	int status;

	if (n)
		return verb_usage("fsck takes no argument, and not '%s'", args[0]);
	status = verb_open_store(config, false, &store);
	if (status)
		return status;
	wrong = store->ops->check(store, print_line, NULL);
	store->ops->close(store);
	if (wrong < 0) {
		log_line("fsck: %s", strerror((int)-wrong));
		return VERB_FAILED;
	}
	printf(wrong ? "%lld things are wrong: restore a backup, or import what can be read into a "
		       "new store\n"
		     : "nothing is wrong\n",
	       (long long)wrong);
	return wrong ? VERB_FAILED : VERB_DONE;
}

int verb_backup(struct server_config *config, int n, char **args)
{
	char error[STORE_ERROR_BYTES];
	struct store *store;
	int status, err;

	if (n != 1)
		return verb_usage("backup FILE");
	status = verb_open_store(config, false, &store);
	if (status)
		return status;
	err = store->ops->backup(store, args[0], error);
	store->ops->close(store);
	if (!err)
		return VERB_DONE;
	log_line("%s", error);
	return VERB_FAILED;
}

static bool hold_any(void *ctx, uint64_t bytes)
{
	return true;
}

static void let_go_any(void *ctx, uint64_t bytes)
{
}

/* A file as it is; NULL after saying why not. */
static uint8_t *read_file(const char *path, uint64_t limit, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	uint8_t *data = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		log_line("%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > limit) {
		log_line("%s: not a file of at most %llu bytes (limits.body_bytes)", path,
			 (unsigned long long)limit);
	} else {
		data = malloc(st.st_size + 1);
		n = data ? read(fd, data, st.st_size) : -1;
		if (n != st.st_size) {
			log_line("%s: %s", path, n < 0 ? strerror(errno) : "it changed meanwhile");
			free(data);
			data = NULL;
		}
		*ret_size = st.st_size;
	}
	if (fd >= 0)
		close(fd);
	return data;
}

struct import {
	const struct server_config *config;
	struct store *store;
	uint64_t stored, again, failed;
};

static void import_parcel(struct import *i, const char *path, struct parcel *p)
{
	char error[STORE_ERROR_BYTES];

	if (i->store->ops->put(i->store, p->items, p->n, NULL, 0, error)) {
		log_line("%s: %s", path, error);
		i->failed++;
		return;
	}
	for (size_t k = 0; k < p->n; k++)
		*(p->items[k].stored ? &i->stored : &i->again) += 1;
}

static void import_file(struct import *i, const char *path)
{
	const struct limits *limits = &i->config->limits;
	const struct body_memory memory = {hold_any, let_go_any, NULL};
	struct answer answer = {0};
	struct parcel parcel;
	size_t size, name = strlen(path);
	uint8_t *data = read_file(path, limits->body_bytes, &size);
	bool json = name > 5 && !strcmp(path + name - 5, ".json");

	if (data && !body_read(limits, &memory, json, data, size, &parcel, &answer)) {
		import_parcel(i, path, &parcel);
		parcel_release(&parcel);
	} else {
		if (data)
			log_line("%s: %.*s", path, (int)answer.n, answer.data ? answer.data : "");
		i->failed++;
	}
	answer_release(&answer);
	free(data);
}

int verb_import(struct server_config *config, int n, char **args)
{
	struct import i = {.config = config};
	int status;

	if (!n)
		return verb_usage("import FILE…");
	status = verb_open_store(config, true, &i.store);
	if (status)
		return status;
	for (int k = 0; k < n; k++)
		import_file(&i, args[k]);
	i.store->ops->close(i.store);
	printf("%llu stored, %llu there already, %llu failed\n", (unsigned long long)i.stored,
	       (unsigned long long)i.again, (unsigned long long)i.failed);
	return i.failed ? VERB_FAILED : VERB_DONE;
}
