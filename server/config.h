/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receiver's configuration: an INI file with the sections [server], [store] and [limits]; each
 * key can be given on the command line as well, as --KEY VALUE, those of [limits] as --limit
 * KEY=VALUE. The table in config.c has a row for each key.
 *
 * Ownership: a config owns its strings; config_release() frees them.
 */
#ifndef BD_SERVER_CONFIG_H
#define BD_SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/limits.h"

#define CONFIG_PATH_DEFAULT "/etc/backdraft/backdraft-server.conf"
#define CONFIG_ERROR_BYTES 512

struct server_config {
	char *listen, *data, *store, *user, *tls_cert, *tls_key;
	uint64_t threads, insecure_no_tokens, allow_root, seccomp;
	uint64_t keep_s, keep_bytes, keep_beats_s;
	struct limits limits;
};

/* A row of the table, for the help, the manual and the options. False past the last. */
struct config_key_info {
	const char *section, *name, *initial, *allowed, *doc;
	bool flag; /* yes or no, and no value on the command line */
};
bool server_config_key(size_t i, struct config_key_info *ret);

/* Every key at its default. 0 or -ENOMEM. */
int server_config_init(struct server_config *ret);
void server_config_release(struct server_config *c);

/* Sets one key. 0, -ENOENT (no such key), -EINVAL (not allowed), -ENOMEM; `error` says it. */
int server_config_set(struct server_config *c, const char *section, const char *name,
		      const char *value, char error[CONFIG_ERROR_BYTES]);

/* Reads a file over what is set. 0 or -errno; `error` is `FILE:LINE: what is wrong, what is
 * allowed`.
 */
int server_config_read(struct server_config *c, const char *path, char error[CONFIG_ERROR_BYTES]);

#endif
