// SPDX-License-Identifier: BSD-2-Clause
/*
 * The numbers of a second. A wait for a CPU counts, unless the quota of the process's control group
 * was the reason. Two things are known of that, and both bound what counts: of the group's
 * enforcement periods, those in which it used its quota up are left out, since in these it had all
 * that it may have; and more than what it lacks to its quota nobody kept from it.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/clients/clients_private.h"
#include "user/lib/base/array.h"
#include "user/clients/pressure.h"
#include "user/common/small_file.h"

#define LIMITS_EVERY 10	    /* passes; quotas rarely change */
#define IDLE_SHARE 0.0005 /* of the second: a group that ran and waited less isn't read */
#define STAT_BYTES (64 * 1024)

/* Which part of the group's waits counts. */
static double waits_counted(const struct client_group *g, uint64_t dt_ns)
{
	double counted = 1 - g->second.out_of_quota;
	double lacking = fmax(g->stats.quota_cpus * dt_ns - g->run_ns, 0);

	return g->wait_ns ? fmin(counted, lacking / g->wait_ns) : counted;
}

static void groups_read(struct clients *c, uint64_t dt_ns)
{
	for (size_t i = 0; i < c->ngroups; i++)
		c->groups[i].processes = c->groups[i].client_processes = c->groups[i].run_ns =
			c->groups[i].wait_ns = 0;
	for (size_t i = 0; i < c->nprocesses; i++) {
		const struct client_process *p = &c->processes[i];
		struct client_group *g = p->group == CLIENTS_NONE ? NULL : &c->groups[p->group];

		if (!g)
			continue;
		g->processes++;
		g->client_processes += p->client != CLIENTS_NONE && p->threads;
		g->run_ns += p->run_ns;
		g->wait_ns += p->wait_ns;
	}
	for (size_t i = 0; i < c->ngroups; i++) {
		struct client_group *g = &c->groups[i];
		bool idle = g->run_ns + g->wait_ns < IDLE_SHARE * dt_ns;

		if (!g->raw)
			continue;
		if ((c->pass + i) % LIMITS_EVERY == 0 && g->client_processes)
			cgroup_stats_limits(&g->stats);
		idle |= !g->client_processes && !g->stats.nquotas;
		cgroup_stats_read(&g->stats, c->now_ns, dt_ns, idle, &g->second);
		g->counted = waits_counted(g, dt_ns);
	}
}

/* Adds a process's group to what its client may use; groups with the same quota share it. */
static int limit_add(struct clients *c, struct client_sum *sum, const struct client_process *p)
{
	const struct client_group *g = p->group == CLIENTS_NONE ? NULL : &c->groups[p->group];

	if (!g || isinf(g->stats.quota_cpus))
		sum->unlimited = true;
	sum->cpuset_cpus = fmax(sum->cpuset_cpus, g ? g->stats.cpuset_cpus : INFINITY);
	if (sum->unlimited)
		return 0;
	uint64_t key = idmap_mix(g->stats.quota_id, p->client);

	if (idmap_get(&c->scratch, key) != IDMAP_NONE)
		return 0;
	sum->quota_cpus += g->stats.quota_cpus;
	return idmap_set(&c->scratch, key, 0);
}

/* Shares of groups count by the time that the client's threads ran or waited in them. */
static void time_add(struct client_sum *sum, const struct client_process *p, double counted,
		     const struct cgroup_second *group)
{
	double weight = p->run_ns + p->wait_ns + 1.0;

	sum->run_ns += p->run_ns;
	sum->split.user_ns += p->split.user_ns;
	sum->split.system_ns += p->split.system_ns;
	sum->wait_ns += p->wait_ns * counted;
	if (!isnan(group->throttled)) {
		sum->weight += weight;
		sum->throttled += weight * group->throttled;
	}
	if (!isnan(group->pressure)) {
		sum->pressure_weight += weight;
		sum->pressure += weight * group->pressure;
	}
}

static int sums_make(struct clients *c, double *ret_throttled_wait, uint32_t *ret_left_out)
{
	static const struct cgroup_second unknown = { .throttled = NAN, .pressure = NAN };
	int err = 0;

	idmap_release(&c->scratch);
	*ret_throttled_wait = *ret_left_out = 0;
	for (size_t i = 0; i < c->nentries; i++)
		c->entries[i].sum = (struct client_sum){ 0 };
	for (size_t i = 0; i < c->nprocesses && !err; i++) {
		struct client_process *p = &c->processes[i];
		const struct client_group *g = p->group == CLIENTS_NONE ? NULL : &c->groups[p->group];
		double counted = g ? g->counted : 1;

		*ret_throttled_wait += p->wait_ns * (1 - counted);
		if (p->left_out && p->threads && idmap_get(&c->scratch, p->left_out) == IDMAP_NONE) {
			(*ret_left_out)++;
			err = idmap_set(&c->scratch, p->left_out, 0);
		}
		if (p->client != CLIENTS_NONE) {
			struct client_sum *sum = &c->entries[p->client].sum;

			time_add(sum, p, counted, g ? &g->second : &unknown);
			if (p->threads) {
				sum->processes++;
				sum->threads += p->threads;
				sum->rss_bytes += p->rss_bytes;
				err = err ? err : limit_add(c, sum, p);
			}
		}
		p->run_ns = p->wait_ns = p->threads = 0;
		p->split = (struct client_split){ 0 };
	}
	return err;
}

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

/* The exact time has no parts: it is shared out as the kernel's ticks are; NAN where there was none. */
static double system_part(double run_ns, const struct client_split *split)
{
	double ticks = (double)split->user_ns + split->system_ns;

	return ticks > 0 ? run_ns * (split->system_ns / ticks) : run_ns > 0 ? NAN : 0;
}

static void second_of(const struct clients *c, const struct client_entry *e, double dt_ns,
		      struct client_second *ret)
{
	const struct client_sum *sum = &e->sum;
	double limit = fmin(c->cpus, sum->processes ? sum->cpuset_cpus : INFINITY);

	if (sum->processes && !sum->unlimited)
		limit = fmin(limit, sum->quota_cpus);
	*ret = (struct client_second){
		.name = e->name,
		.serial = e->serial,
		.section = e->section,
		.processes = sum->processes,
		.threads = sum->threads,
		.cpu_cores = sum->run_ns / dt_ns,
		.system_cores = system_part(sum->run_ns, &sum->split) / dt_ns,
		.limit_cores = limit,
		.cpu_of_limit = share(sum->run_ns / dt_ns, limit),
		.wait_cores = sum->wait_ns / dt_ns,
		.wait_share = share(sum->wait_ns, sum->wait_ns + sum->run_ns),
		.throttled_share = sum->weight > 0 ? sum->throttled / sum->weight : NAN,
		.pressure = sum->pressure_weight > 0 ? sum->pressure / sum->pressure_weight : NAN,
		.steal_cores = NAN,
		.rss_bytes = sum->rss_bytes,
	};
}

/* What is counted of user and system time since the last time, nice with the former, in ticks. */
static void split_read(struct clients *c, const char *text, struct client_split *ret)
{
	uint64_t user, nice, system, last_user = c->user_ticks, last_system = c->system_ticks;

	if (sscanf(text, "cpu %lu %lu %lu", &user, &nice, &system) != 3)
		return;
	c->user_ticks = user + nice;
	c->system_ticks = system;
	if (last_user && c->user_ticks >= last_user && system >= last_system)
		*ret = (struct client_split){ c->user_ticks - last_user, system - last_system };
}

/* CPUs that are online, and what the hypervisor took since the last time; NAN if not known. */
static double stat_read(struct clients *c, double dt_ns, struct client_split *ret_split)
{
	char path[4096], *text = malloc(STAT_BYTES);
	uint64_t steal = 0, last = c->steal_ticks;
	bool known = c->steal_known;
	const char *line = text;

	snprintf(path, sizeof(path), "%s/stat", c->proc);
	c->steal_known = text && small_file_read(path, text, STAT_BYTES) > 0 &&
			 sscanf(text, "cpu %*u %*u %*u %*u %*u %*u %*u %lu", &steal) == 1;
	if (c->steal_known)
		split_read(c, text, ret_split);
	c->cpus = 0;
	while (c->steal_known && (line = strstr(line, "\ncpu")) != NULL) {
		c->cpus++;
		line++;
	}
	free(text);
	if (!c->cpus)
		c->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	c->steal_ticks = steal;
	return c->steal_known && known && steal >= last
		       ? (steal - last) * (1e9 / sysconf(_SC_CLK_TCK)) / dt_ns
		       : NAN;
}

static double machine_pressure(struct clients *c, double dt_ns)
{
	uint64_t last = c->pressure_us;
	bool known = c->pressure_known;
	char path[4096];

	snprintf(path, sizeof(path), "%s/pressure/cpu", c->proc);
	c->pressure_known = !pressure_read(path, &c->pressure_us);
	return c->pressure_known && known && c->pressure_us >= last
		       ? fmin((c->pressure_us - last) * 1000 / dt_ns, 1)
		       : NAN;
}

static uint64_t machine_memory(const struct clients *c)
{
	char path[4096], text[4096];
	uint64_t total = 0, available = 0;

	snprintf(path, sizeof(path), "%s/meminfo", c->proc);
	if (small_file_read(path, text, sizeof(text)) < 0)
		return 0;
	/* The kernel pads with blanks; strtoull() skips them. */
	small_file_number(text, "MemTotal:", &total);
	small_file_number(text, "MemAvailable:", &available);
	return total > available ? (total - available) * 1024 : 0;
}

static void machine_make(struct clients *c, double dt_ns, double throttled_wait,
			 struct client_second *ret)
{
	struct client_split split = { 0 };
	double wait = fmax(c->machine_wait_ns - throttled_wait, 0);
	double steal = stat_read(c, dt_ns, &split);

	*ret = (struct client_second){
		.name = "machine",
		.section = CLIENTS_NONE,
		.processes = c->machine_processes,
		.threads = c->machine_threads,
		.cpu_cores = c->machine_run_ns / dt_ns,
		.system_cores = system_part(c->machine_run_ns, &split) / dt_ns,
		.limit_cores = c->cpus,
		.cpu_of_limit = share(c->machine_run_ns / dt_ns, c->cpus),
		.wait_cores = wait / dt_ns,
		.wait_share = share(wait, wait + c->machine_run_ns),
		.throttled_share = NAN,
		.pressure = machine_pressure(c, dt_ns),
		.steal_cores = steal,
		.rss_bytes = machine_memory(c),
	};
	c->machine_run_ns = c->machine_wait_ns = c->machine_processes = c->machine_threads = 0;
}

bool client_has_pressure(const struct clients *c, const struct client_second *client)
{
	for (size_t i = 0; i < c->nprocesses; i++) {
		const struct client_process *p = &c->processes[i];

		if (p->client != CLIENTS_NONE && p->group != CLIENTS_NONE &&
		    c->entries[p->client].serial == client->serial &&
		    c->groups[p->group].stats.pressure_known)
			return true;
	}
	return false;
}

int client_metrics(struct clients *c, struct clients_second *ret)
{
	bool valid = c->last_ns && c->now_ns > c->last_ns;
	uint64_t dt_ns = valid ? c->now_ns - c->last_ns : 1000000000;
	double throttled_wait;
	uint32_t left_out;
	size_t n = 0;
	int err;

	if (array_reserve((void **)&c->seconds, &c->cap_seconds, 0, c->nentries + 1,
			  sizeof(*c->seconds)))
		return -ENOMEM;
	groups_read(c, dt_ns);
	err = sums_make(c, &throttled_wait, &left_out);
	if (err)
		return err;
	*ret = (struct clients_second){
		.t_ns = c->now_ns,
		.dt_ns = valid ? dt_ns : 0,
		.valid = valid,
		.clients = c->seconds,
		.left_out = left_out,
		.looks_left = c->not_looked,
		.threads_unknown = c->threads_unknown,
	};
	machine_make(c, dt_ns, throttled_wait, &ret->machine);
	ret->machine_cpus = c->cpus;
	for (size_t i = 0; i < c->nentries; i++) {
		if (!c->entries[i].name)
			continue;
		c->entries[i].row = n;
		second_of(c, &c->entries[i], dt_ns, &c->seconds[n++]);
	}
	ret->n = n;
	return 0;
}
