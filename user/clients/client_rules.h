/* SPDX-License-Identifier: BSD-2-Clause */
/* The match_ keys of the configuration, compiled; what they are asked is handed in. */
#ifndef BD_CLIENT_RULES_H
#define BD_CLIENT_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "user/lib/config/config.h"

struct client_rules;

/* What is known of a process; NULL and "" match nothing. */
struct client_facts {
	const char *name;    /* as ps and top show it, at most 15 bytes */
	const char *exe;     /* path of the program */
	const char *cmdline; /* arguments, with blanks between them */
	const char *groups;  /* text of /proc/PID/cgroup */
	const char *unit, *container;
	uint32_t pid;
};

/* 0, or -EINVAL and ret_errors, or -ENOMEM. `path` is the configuration's. */
int client_rules_new(const struct config *config, const char *path, struct client_rules **ret,
		     struct config_errors *ret_errors);
void client_rules_free(struct client_rules *r);

/*
 * The first section that holds for the process, or UINT32_MAX. `inherited` is its parent's section:
 * of that one only the keys that name a unit, a control group or a container must hold.
 */
uint32_t client_rules_match(const struct client_rules *r, const struct client_facts *facts,
			    uint32_t inherited);
/* The name of the client that a template makes for this process, NULL for a plain section. */
const char *client_rules_template(const struct config_client *section,
				  const struct client_facts *facts);

/* Is one of these needed for any section? So that they are not read for nothing. */
bool client_rules_need_exe(const struct client_rules *r);
bool client_rules_need_cmdline(const struct client_rules *r);
bool client_rules_need_name(const struct client_rules *r);

/* Looks at the PID files again; `fn` is told of each process that one names now, or did before. */
void client_rules_pid_files(struct client_rules *r, void (*fn)(void *arg, uint32_t pid), void *arg);

/* The keys of a section as in the file, "match_unit = x.service, match_comm = y"; cut at `size`. */
void client_rules_text(const struct config_client *section, char *text, size_t size);

#endif
