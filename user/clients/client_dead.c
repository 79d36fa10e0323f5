// SPDX-License-Identifier: BSD-2-Clause
/* Processes as those see them who ask about deaths: all that live, and one that may be gone. */
#include <stdio.h>
#include <string.h>

#include "user/clients/clients_private.h"
#include "user/common/small_file.h"

void clients_each(const struct clients *c,
		  void (*fn)(void *arg, const struct clients_process *process), void *arg)
{
	for (size_t i = 0; i < c->nprocesses; i++) {
		const struct client_process *p = &c->processes[i];

		if (p->client == CLIENTS_NONE || c->pass - p->seen >= CLIENTS_KEEP)
			continue;
		fn(arg, &(struct clients_process){
				.tgid = p->tgid,
				.ns_tgid = p->ns_tgid,
				.exec_id = p->exec_id,
				.section = c->entries[p->client].section,
				.place = c->entries[p->client].row,
			});
	}
}

/* The control groups of one that is too young to have been looked at: those that others have too.
 */
static const struct client_group *group_of(struct clients *c, const struct clients_dead *dead)
{
	char path[4096], text[8192];
	uint32_t group;

	snprintf(path, sizeof(path), "%s/%u/cgroup", c->proc, dead->ns_tgid);
	if (dead->ns_tgid && small_file_read(path, text, sizeof(text)) > 0) {
		group = client_group_get(c, text);
		if (group != CLIENTS_NONE)
			return &c->groups[group];
	}
	for (size_t i = 0; i < c->nprocesses; i++)
		if (c->processes[i].cgroup_id == dead->cgroup_id &&
		    c->processes[i].group != CLIENTS_NONE)
			return &c->groups[c->processes[i].group];
	return NULL;
}

/* By the rules, from what a dead process has left. */
static uint32_t match(struct clients *c, const struct clients_dead *dead)
{
	const struct client_process *parent = client_process_find(c, dead->parent);
	const struct client_group *group = group_of(c, dead);
	struct client_facts facts = {
		.name = dead->name,
		.exe = dead->exe ? dead->exe : "",
		.cmdline = "",
		.pid = dead->ns_tgid,
	};
	uint32_t inherited = CLIENTS_NONE, section;

	if (group) {
		facts.groups = group->raw;
		facts.unit = group->unit;
		facts.container = group->container;
	}
	if (parent && parent->client != CLIENTS_NONE)
		inherited = c->entries[parent->client].section;
	section = client_rules_match(c->rules, &facts, inherited);
	if (section == UINT32_MAX)
		return CLIENTS_NONE;
	return client_table_get(c, section,
				client_rules_template(&c->config->clients[section], &facts));
}

const char *clients_of_dead(struct clients *c, const struct clients_dead *dead,
			    uint32_t *ret_section)
{
	const struct client_process *p = client_process_find(c, dead->tgid);
	uint32_t entry = CLIENTS_NONE;

	/* Its number may have been another's, and one that was only heard of has no group yet. */
	if (p && p->looked_ns && (!p->start_ns || p->start_ns == dead->start_ns))
		entry = p->client;
	/* The look may have been before its exec. */
	if (entry == CLIENTS_NONE)
		entry = match(c, dead);
	if (entry == CLIENTS_NONE)
		return NULL;
	*ret_section = c->entries[entry].section;
	return c->entries[entry].name;
}
