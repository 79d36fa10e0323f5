/* SPDX-License-Identifier: BSD-2-Clause */
/* Which build of a client runs: what a report's `client` says of it. */
#ifndef BD_CLIENT_IDENTITY_H
#define BD_CLIENT_IDENTITY_H

#include "user/lib/config/config.h"

struct reader;

#define CLIENT_VERSION_MAX 200

/* "" where something isn't known. */
struct client_identity {
	char version[CLIENT_VERSION_MAX + 1];
	char build_id[2 * 32 + 1]; /* hex, of the main executable */
	char container[13];	   /* 12 hex digits */
};

/*
 * `pid`: a process of the client, 0 if it has none now. The version is that of the configuration, or
 * the first line of version_file; the executable is opened by `reader` (NULL: no build ID).
 */
void client_identity_find(const struct config_client *config, struct reader *reader, uint32_t pid,
			  struct client_identity *ret);

#endif
