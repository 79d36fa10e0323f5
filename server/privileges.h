/* SPDX-License-Identifier: BSD-2-Clause */
/* Root is given up for good, before anything that comes from outside is looked at. */
#ifndef BD_SERVER_PRIVILEGES_H
#define BD_SERVER_PRIVILEGES_H

#include "server/config.h"

#define PRIVILEGES_ERROR_BYTES 512

/*
 * Makes the data directory where it is missing (0700, owned by who will run), becomes
 * config->user where it is set, and otherwise refuses to be root unless config->allow_root. Nothing
 * of what follows can gain a privilege again. 0 or -errno and a line.
 */
int privileges_drop(const struct server_config *config, char error[PRIVILEGES_ERROR_BYTES]);

/* Becomes the owner of the directory, where that is somebody else and this is root. */
int privileges_become_owner(const char *directory, char error[PRIVILEGES_ERROR_BYTES]);

#endif
