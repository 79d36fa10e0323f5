// SPDX-License-Identifier: BSD-2-Clause
/* The clients: one for each plain section, and those that templates make. */
#include <stdlib.h>
#include <string.h>

#include "user/clients/clients_private.h"
#include "user/lib/base/array.h"

#define MAKE_ROOM_NS 60000000000ULL /* when all places are taken, who has been empty for so long goes */

static uint32_t entry_new(struct clients *c, uint32_t section, const char *name)
{
	size_t place = 0;
	char *copy = strdup(name);

	while (place < c->nentries && c->entries[place].name)
		place++;
	if (!copy || (place == c->nentries &&
		      array_reserve((void **)&c->entries, &c->cap_entries, c->nentries, 1,
				    sizeof(*c->entries)))) {
		free(copy);
		return CLIENTS_NONE;
	}
	if (place == c->nentries)
		c->nentries++;
	c->entries[place] = (struct client_entry){ .name = copy,
						   .serial = ++c->last_serial,
						   .section = section,
						   .row = CLIENTS_NONE,
						   .empty_since_ns = c->now_ns };
	return place;
}

int client_table_init(struct clients *c)
{
	size_t n = c->config->n_clients;

	c->of_section = malloc((n + 1) * sizeof(*c->of_section));
	if (!c->of_section)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const char *name = c->config->clients[i].name;

		c->of_section[i] = *name == '%' ? CLIENTS_NONE : entry_new(c, i, name);
		if (*name != '%' && c->of_section[i] == CLIENTS_NONE)
			return -ENOMEM;
	}
	return 0;
}

static void entry_free(struct clients *c, size_t place)
{
	free(c->entries[place].name);
	c->entries[place] = (struct client_entry){ 0 };
	c->ntemplated--;
	c->room = true;
}

static bool is_templated(const struct clients *c, const struct client_entry *e)
{
	return e->name && c->of_section[e->section] == CLIENTS_NONE;
}

/* Gives up the one that has been empty for longest, if that is long enough. */
static void make_room(struct clients *c, uint64_t least_ns)
{
	size_t oldest = SIZE_MAX;

	for (size_t i = 0; i < c->nentries; i++) {
		const struct client_entry *e = &c->entries[i];

		if (is_templated(c, e) && e->empty_since_ns &&
		    c->now_ns - e->empty_since_ns >= least_ns &&
		    (oldest == SIZE_MAX || e->empty_since_ns < c->entries[oldest].empty_since_ns))
			oldest = i;
	}
	if (oldest != SIZE_MAX)
		entry_free(c, oldest);
}

uint32_t client_table_get(struct clients *c, uint32_t section, const char *name)
{
	uint32_t made;

	if (c->of_section[section] != CLIENTS_NONE)
		return c->of_section[section];
	for (size_t i = 0; i < c->nentries; i++)
		if (c->entries[i].name && !strcmp(c->entries[i].name, name))
			return i;
	if (c->ntemplated >= CLIENTS_TEMPLATE_MAX)
		make_room(c, MAKE_ROOM_NS);
	if (c->ntemplated >= CLIENTS_TEMPLATE_MAX)
		return CLIENTS_NONE;
	made = entry_new(c, section, name);
	if (made != CLIENTS_NONE)
		c->ntemplated++;
	return made;
}

/* By then the tables have no process any more that points to one that is empty. */
void client_table_purge(struct clients *c)
{
	const uint64_t long_ns = CLIENTS_EMPTY_S * 1000000000ULL;

	for (size_t i = 0; i < c->nentries; i++) {
		struct client_entry *e = &c->entries[i];

		if (e->sum.processes)
			e->empty_since_ns = 0;
		else if (!e->empty_since_ns)
			e->empty_since_ns = c->now_ns;
		if (is_templated(c, e) && e->empty_since_ns && c->now_ns - e->empty_since_ns > long_ns)
			entry_free(c, i);
	}
}

void client_table_release(struct clients *c)
{
	for (size_t i = 0; i < c->nentries; i++)
		free(c->entries[i].name);
	free(c->entries);
	free(c->of_section);
}
