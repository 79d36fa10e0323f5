/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs of the receiver's program: a row in the table of main.c each. */
#ifndef BD_SERVER_VERB_H
#define BD_SERVER_VERB_H

#include "server/config.h"
#include "server/store.h"

/* Exit status, as those of `backdraft`. */
#define VERB_DONE 0
#define VERB_FAILED 1
#define VERB_WRONG_USE 2

struct server_verb {
	const char *name, *args, *summary;
	/* What stands behind the verb and isn't an option. Returns the exit status. */
	int (*run)(struct server_config *config, int n, char **args);
};

int verb_run(struct server_config *config, int n, char **args);
int verb_token(struct server_config *config, int n, char **args);
int verb_fsck(struct server_config *config, int n, char **args);
int verb_backup(struct server_config *config, int n, char **args);
int verb_import(struct server_config *config, int n, char **args);

/* "backdraft-server: …" on standard error; returns VERB_WRONG_USE, and points to --help. */
int verb_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The store of the configuration, as the user who owns it where that isn't who we are and we are
 * root. VERB_DONE, or the exit status after saying why not.
 */
int verb_open_store(const struct server_config *config, bool alone, struct store **ret);
/* The same for the directory alone. */
int verb_enter_directory(const struct server_config *config);

#endif
