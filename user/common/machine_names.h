/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of this machine and of the people on it, for scrubbing: words that must not leave. */
#ifndef BD_MACHINE_NAMES_H
#define BD_MACHINE_NAMES_H

#include "user/lib/config/config.h"
#include "user/lib/scrub/scrub.h"

#define MACHINE_NAMES_MAX 20000 /* words; a passwd file can be long */

struct machine_names {
	struct scrub_word *words; /* their texts belong to it */
	size_t n, cap;
};

/*
 * HOSTNAME with and without its domain, and the other names that ROOT/etc/hosts has for it; of
 * people (uid 1000 and up, 65534 not) in ROOT/etc/passwd the name, full name and home; the
 * directories in ROOT/home, whose people may be in no file. Names of clients in CONFIG (NULL: none)
 * are left out: they are sent as they are configured. 0 or -ENOMEM; a file that can't be read is empty.
 */
int machine_names_read(const char *root, const char *hostname, const struct config *config,
		       struct machine_names *ret);
void machine_names_release(struct machine_names *names);

/*
 * What scrubs reports of this machine: its names, and `allow` and `scrub` of CONFIG (NULL: nothing is
 * allowed, no patterns) and, beside them, of CLIENT (NULL: none). 0 or -errno, and one line in `error`.
 */
int machine_scrub_new(const struct config *config, const struct config_client *client,
		      struct scrub **ret,
		      char error[SCRUB_ERROR_BYTES]);

#endif
