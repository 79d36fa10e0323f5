/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of user/client*.c share. Threads point to processes, processes to a client and to a
 * control group, all by index. What has gone stays for CLIENTS_KEEP passes, since the record of its
 * final sums may come later than the pass that misses it; then the tables are made anew.
 */
#ifndef BD_CLIENTS_PRIVATE_H
#define BD_CLIENTS_PRIVATE_H

#include "user/clients/cgroup_stats.h"
#include "user/clients/client_rules.h"
#include "user/clients/clients.h"
#include "user/lib/base/idmap.h"

#define CLIENTS_KEEP 3

/* How run time divides, by the ticks that the kernel saw in either: only the ratio counts. */
struct client_split {
	uint64_t user_ns, system_ns;
};

struct client_thread {
	struct client_split split;
	uint64_t start_ns, on_cpu_ns, wait_ns;
	uint64_t untold_ns; /* on a CPU, not yet told by clients_threads() */
	uint32_t tid, ns_tid, process, seen; /* the pass */
};

struct client_process {
	uint64_t start_ns; /* of its first thread; 0: not seen yet */
	uint64_t cgroup_id, run_ns, wait_ns, rss_bytes;
	struct client_split split; /* of run_ns */
	uint64_t looked_ns; /* begin of the pass; 0: not yet */
	uint64_t left_out;  /* hash of the name that had no room, or 0 */
	uint32_t tgid, ns_tgid, parent, exec_id;
	uint32_t group, client; /* or CLIENTS_NONE */
	uint32_t inherited;	/* section of the client that its parent had, or CLIENTS_NONE */
	uint32_t seen, threads;
	bool kernel, stale, resolving; /* stale: to be looked at */
	char name[BD_COMM];
};

/* Processes that /proc says the same control groups of. */
struct client_group {
	char *raw; /* as read; NULL: this place is free */
	char *text;
	struct cgroup_paths paths; /* into text */
	char *unit, *container;	   /* "" for none */
	struct cgroup_stats stats;
	uint64_t hash, run_ns, wait_ns;
	uint32_t processes, client_processes, empty_since;
	struct cgroup_second second;
	double counted; /* part of its waits, 0 to 1, that the quota was not the reason of */
};

/* A client: those of plain sections come first, at their section's place among these. */
struct client_entry {
	char *name; /* NULL: this place is free */
	uint64_t serial;
	uint32_t section;
	uint32_t row; /* in the table of the last second */
	uint64_t empty_since_ns; /* 0: it has processes */
	struct client_sum {
		uint64_t run_ns, rss_bytes;
		struct client_split split;
		double wait_ns, weight, throttled, pressure_weight, pressure, quota_cpus, cpuset_cpus;
		bool unlimited;
		uint32_t processes, threads;
	} sum;
};

struct clients {
	const struct config *config;
	char *path, *proc;
	struct client_rules *rules;
	struct cgroup_mounts mounts;

	size_t nthreads, cap_threads;
	struct client_thread *threads;
	struct idmap by_thread; /* start and number */
	size_t nprocesses, cap_processes;
	struct client_process *processes;
	struct idmap by_tgid, by_pid; /* the newest process of a number; by_pid: in our own /proc */
	size_t ngroups, cap_groups;
	struct client_group *groups;
	struct idmap by_group;
	size_t nentries, cap_entries;
	struct client_entry *entries;
	uint32_t *of_section; /* the entry of a plain section, CLIENTS_NONE for a template */
	size_t ntemplated;
	uint64_t last_serial;

	uint32_t pass;
	uint64_t now_ns, last_ns; /* begin of this pass and of the one before; 0: none */
	uint64_t since_ns;	  /* begin of the last pass that is over; 0: none */
	size_t thread_cursor;	  /* threads come in the same order each time */
	uint32_t process_cursor, refresh_cursor, looks_left, not_looked;
	bool other_namespace; /* some number in our /proc isn't the kernel's */
	bool room;	      /* a template's client was given up */
	int64_t boot_offset_ns;

	uint64_t machine_run_ns, machine_wait_ns, threads_unknown;
	uint32_t machine_threads, machine_processes, cpus;
	uint64_t steal_ticks, pressure_us;
	uint64_t user_ticks, system_ticks;
	bool steal_known, pressure_known;
	struct client_second *seconds;
	size_t cap_seconds;
	struct idmap scratch;
};

/* client_threads.c: counts what passed since the thread was last seen. `ns_tid`: 0 where it isn't
 * known; `split`: NULL likewise. 0 or -ENOMEM. */
int client_thread_account(struct clients *c, const struct bd_thread *id, uint32_t ns_tid,
			  const struct bd_sums *sums, const struct client_split *split,
			  uint32_t process, bool alive);
/* The process of a thread that was seen before, or CLIENTS_NONE. */
uint32_t client_thread_process(const struct clients *c, const struct bd_thread *id);

/* client_processes.c */
/* The newest process of a number, or NULL; the pointer lives until the next new one. */
struct client_process *client_process_find(const struct clients *c, uint32_t tgid);
/* A new one, which takes the number over; NULL without memory. */
struct client_process *client_process_new(struct clients *c, uint32_t tgid);
/* Its number in our /proc, once it is known. 0 or -ENOMEM. */
int client_process_name(struct clients *c, struct client_process *p, uint32_t ns_tgid);
/* Gives each process that is new or has changed to its client. 0 or -ENOMEM. */
int client_processes_resolve(struct clients *c);
/* Reads again, a few processes at a time, what changes without a sign. */
int client_processes_refresh(struct clients *c);
/* Forgets what has gone. 0 or -ENOMEM. */
int clients_purge(struct clients *c);

/* client_groups.c */
/* The group of a text of /proc/PID/cgroup: an index, or CLIENTS_NONE without memory. */
uint32_t client_group_get(struct clients *c, const char *raw);
void client_groups_purge(struct clients *c);
void client_group_release(struct client_group *g);

/* client_table.c */
int client_table_init(struct clients *c);
/* The entry for a section and, of a template, the name; CLIENTS_NONE: there is no room for more. */
uint32_t client_table_get(struct clients *c, uint32_t section, const char *name);
/* Gives up template clients that have long been empty. */
void client_table_purge(struct clients *c);
void client_table_release(struct clients *c);

/* client_metrics.c: 0 or -ENOMEM. */
int client_metrics(struct clients *c, struct clients_second *ret);
/* Has any control group of the client a pressure file? */
bool client_has_pressure(const struct clients *c, const struct client_second *client);

#endif
