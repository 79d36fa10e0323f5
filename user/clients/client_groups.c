// SPDX-License-Identifier: BSD-2-Clause
/* Control groups that processes are in; those of many processes are read once. */
#include <stdlib.h>
#include <string.h>

#include "user/clients/clients_private.h"
#include "user/lib/base/array.h"
#include "user/clients/units.h"

static uint64_t text_hash(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	return hash;
}

void client_group_release(struct client_group *g)
{
	if (!g->raw)
		return;
	cgroup_stats_release(&g->stats);
	free(g->raw);
	free(g->text);
	free(g->unit);
	free(g->container);
	*g = (struct client_group){ 0 };
}

static int group_fill(struct client_group *g, const struct clients *c, const char *raw)
{
	char unit[UNIT_MAX + 1] = "", container[UNIT_MAX + 1] = "";

	*g = (struct client_group){ .raw = strdup(raw), .text = strdup(raw) };
	if (!g->raw || !g->text)
		goto fail;
	cgroup_paths_parse(g->text, &g->paths);
	if (!unit_of_path(cgroup_paths_best(&g->paths), unit))
		*unit = '\0';
	/* A container need not have a group of its own in each hierarchy. */
	if (!unit_container(cgroup_paths_best(&g->paths), container) &&
	    !unit_container(raw, container))
		*container = '\0';
	g->unit = strdup(unit);
	g->container = strdup(container);
	if (!g->unit || !g->container)
		goto fail;
	cgroup_stats_init(&g->stats, &c->mounts, &g->paths);
	return 0;
fail:
	free(g->raw);
	free(g->text);
	free(g->unit);
	free(g->container);
	*g = (struct client_group){ 0 };
	return -ENOMEM;
}

static size_t free_place(struct clients *c)
{
	for (size_t i = 0; i < c->ngroups; i++)
		if (!c->groups[i].raw)
			return i;
	if (array_reserve((void **)&c->groups, &c->cap_groups, c->ngroups, 1, sizeof(*c->groups)))
		return SIZE_MAX;
	c->groups[c->ngroups] = (struct client_group){ 0 };
	return c->ngroups++;
}

uint32_t client_group_get(struct clients *c, const char *raw)
{
	uint64_t hash = text_hash(raw);
	uint32_t found = idmap_get(&c->by_group, hash);
	size_t place;

	if (found != IDMAP_NONE && !strcmp(c->groups[found].raw, raw))
		return found;
	place = free_place(c);
	if (place == SIZE_MAX || group_fill(&c->groups[place], c, raw))
		return CLIENTS_NONE;
	c->groups[place].hash = hash;
	c->groups[place].empty_since = c->pass;
	if (idmap_set(&c->by_group, hash, place)) {
		client_group_release(&c->groups[place]);
		return CLIENTS_NONE;
	}
	return place;
}

/* A unit that is started again soon keeps its place, and its counters go on. */
void client_groups_purge(struct clients *c)
{
	size_t freed = 0;

	for (size_t i = 0; i < c->ngroups; i++) {
		struct client_group *g = &c->groups[i];

		if (g->processes)
			g->empty_since = c->pass;
		if (g->raw && c->pass - g->empty_since > 10) {
			client_group_release(g);
			freed++;
		}
	}
	if (!freed)
		return;
	idmap_release(&c->by_group);
	for (size_t i = 0; i < c->ngroups; i++)
		if (c->groups[i].raw && idmap_set(&c->by_group, c->groups[i].hash, i))
			return; /* it will only be read once more */
}
