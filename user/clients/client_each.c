// SPDX-License-Identifier: BSD-2-Clause
#include "user/clients/clients_private.h"

void clients_processes(const struct clients *c,
		       void (*fn)(void *arg, const struct client_process_second *process), void *arg)
{
	for (size_t i = 0; i < c->nprocesses; i++) {
		const struct client_process *p = &c->processes[i];
		struct client_process_second second = {
			.key = idmap_mix(p->start_ns, p->tgid),
			.name = p->name,
			.run_ns = p->run_ns,
			.rss_bytes = p->rss_bytes,
		};

		if (p->client == CLIENTS_NONE)
			continue;
		second.client = c->entries[p->client].row;
		fn(arg, &second);
	}
}
