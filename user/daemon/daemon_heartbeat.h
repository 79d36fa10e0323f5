/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Heartbeats: what the clients did in each minute, gathered second by second, and how the daemon
 * itself is. A minute is a file in the spool, which the uploader takes from there.
 */
#ifndef BD_DAEMON_HEARTBEAT_H
#define BD_DAEMON_HEARTBEAT_H

#include "user/clients/clients.h"
#include "user/lib/profile/heartbeat.h"
#include "user/lib/base/idmap.h"

#define HEARTBEAT_S 60
#define HEARTBEAT_PROCESSES_MAX 16384 /* different ones in a minute; the time of others is not told */

struct beat_client {
	char *name;
	uint32_t section; /* of the configuration */
	double cpus[HEARTBEAT_S];
	size_t seconds;
	double run, wait; /* sums of CPUs */
	uint64_t rss_bytes;
	uint32_t threads, processes;
};

struct beat_process {
	char name[16];
	uint32_t client; /* in `clients` */
	uint64_t run_ns, rss_bytes;
};

/* The minute so far. */
struct beat_minute {
	size_t nclients, cap_clients;
	struct beat_client *clients;
	size_t nprocesses, cap_processes;
	struct beat_process *processes;
	struct idmap by_key;
	uint32_t seconds;
	double machine_cpus; /* sum */
};

void beat_minute_clear(struct beat_minute *m);
/* A second of the clients. 0 or -ENOMEM. */
int beat_minute_add(struct beat_minute *m, const struct config *config, const struct clients *clients,
		    const struct clients_second *second);
/* The rows of clients and processes, of the last beat of `h`. 0 or -ENOMEM. */
int beat_minute_rows(struct beat_minute *m, const struct config *config, struct heartbeats *h);

#endif
