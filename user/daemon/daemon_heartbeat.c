// SPDX-License-Identifier: BSD-2-Clause
#include "user/daemon/daemon_heartbeat.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/base/array.h"

void beat_minute_clear(struct beat_minute *m)
{
	for (size_t i = 0; i < m->nclients; i++)
		free(m->clients[i].name);
	free(m->clients);
	free(m->processes);
	idmap_release(&m->by_key);
	*m = (struct beat_minute){ 0 };
}

static struct beat_client *client_of(struct beat_minute *m, const char *name)
{
	for (size_t i = 0; i < m->nclients; i++)
		if (!strcmp(m->clients[i].name, name))
			return &m->clients[i];
	if (array_reserve((void **)&m->clients, &m->cap_clients, m->nclients, 1,
			  sizeof(*m->clients)))
		return NULL;
	m->clients[m->nclients] = (struct beat_client){ .name = strdup(name) };
	return m->clients[m->nclients].name ? &m->clients[m->nclients++] : NULL;
}

static int add_client(struct beat_minute *m, const struct client_second *s)
{
	struct beat_client *c = client_of(m, s->name);

	if (!c)
		return -ENOMEM;
	c->section = s->section;
	c->threads = s->threads;
	c->processes = s->processes;
	c->rss_bytes = s->rss_bytes;
	if (isnan(s->cpu_cores) || c->seconds == HEARTBEAT_S)
		return 0;
	c->cpus[c->seconds++] = s->cpu_cores;
	c->run += s->cpu_cores;
	c->wait += isnan(s->wait_cores) ? 0 : s->wait_cores;
	return 0;
}

struct taking {
	struct beat_minute *m;
	const struct config *config;
	const struct clients_second *second;
	int err;
};

static int64_t processes_of(const struct config *config, uint32_t section)
{
	return section < config->n_clients ? config->clients[section].processes : 0;
}

static void take_process(void *arg, const struct client_process_second *p)
{
	struct taking *t = arg;
	struct beat_minute *m = t->m;
	uint32_t at;

	if (t->err || p->client >= t->second->n ||
	    !processes_of(t->config, t->second->clients[p->client].section))
		return;
	at = idmap_get(&m->by_key, p->key);
	if (at == IDMAP_NONE) {
		struct beat_client *c = client_of(m, t->second->clients[p->client].name);

		if (m->nprocesses == HEARTBEAT_PROCESSES_MAX)
			return;
		if (!c || array_reserve((void **)&m->processes, &m->cap_processes, m->nprocesses, 1,
					sizeof(*m->processes)) ||
		    idmap_set(&m->by_key, p->key, m->nprocesses)) {
			t->err = -ENOMEM;
			return;
		}
		at = m->nprocesses++;
		m->processes[at] = (struct beat_process){ .client = c - m->clients };
	}
	snprintf(m->processes[at].name, sizeof(m->processes[at].name), "%s", p->name);
	m->processes[at].run_ns += p->run_ns;
	m->processes[at].rss_bytes = p->rss_bytes;
}

static bool wants_processes(const struct config *config)
{
	for (size_t i = 0; i < config->n_clients; i++)
		if (config->clients[i].processes)
			return true;
	return false;
}

int beat_minute_add(struct beat_minute *m, const struct config *config, const struct clients *clients,
		    const struct clients_second *second)
{
	struct taking taking = { m, config, second, 0 };
	int err = 0;

	m->seconds++;
	m->machine_cpus += second->machine.cpu_cores;
	for (size_t i = 0; i < second->n && !err; i++)
		err = add_client(m, &second->clients[i]);
	if (!err && wants_processes(config))
		clients_processes(clients, take_process, &taking);
	return err ? err : taking.err;
}

/* --- a minute to rows */
static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int32_t milli(double value)
{
	return value < 0 || value > 2e6 ? -1 : (int32_t)(value * 1000 + 0.5);
}

/* The smallest value that so many permille of the seconds are at or below. */
static double quantile(const double *sorted, size_t n, unsigned permille)
{
	size_t at = (n * permille + 999) / 1000;

	return sorted[at ? at - 1 : 0];
}

static int client_row(struct beat_client *c, uint32_t beat, const char *version,
		      struct heartbeats *h)
{
	int64_t row = heartbeats_clients_add(&h->clients), name = heartbeats_intern(h, c->name),
		version_ref = heartbeats_intern(h, version);
	struct heartbeats_clients *t = &h->clients;

	if (row < 0 || name < 0 || version_ref < 0)
		return -ENOMEM;
	t->beat[row] = beat;
	t->name[row] = name;
	t->version[row] = version_ref;
	t->threads[row] = c->threads;
	t->processes[row] = c->processes;
	t->rss_kib[row] = c->rss_bytes / 1024;
	t->cpu_avg_milli[row] = t->cpu_max_milli[row] = t->cpu_p50_milli[row] =
		t->cpu_p95_milli[row] = t->wait_permille[row] = -1;
	if (!c->seconds)
		return 0;
	qsort(c->cpus, c->seconds, sizeof(*c->cpus), by_value);
	t->cpu_avg_milli[row] = milli(c->run / c->seconds);
	t->cpu_max_milli[row] = milli(c->cpus[c->seconds - 1]);
	t->cpu_p50_milli[row] = milli(quantile(c->cpus, c->seconds, 500));
	t->cpu_p95_milli[row] = milli(quantile(c->cpus, c->seconds, 950));
	t->wait_permille[row] = c->run + c->wait > 0 ? milli(c->wait / (c->run + c->wait)) : 0;
	return 0;
}

static int by_client_and_time(const void *a, const void *b)
{
	const struct beat_process *x = a, *y = b;

	if (x->client != y->client)
		return x->client < y->client ? -1 : 1;
	return x->run_ns < y->run_ns ? 1 : x->run_ns > y->run_ns ? -1 : strcmp(x->name, y->name);
}

static int process_row(const struct beat_process *p, uint32_t beat, const char *client,
		       struct heartbeats *h)
{
	struct heartbeats_processes *t = &h->processes;
	int64_t row = heartbeats_processes_add(t), name = heartbeats_intern(h, p->name),
		client_ref = heartbeats_intern(h, client);

	if (row < 0 || name < 0 || client_ref < 0)
		return -ENOMEM;
	t->beat[row] = beat;
	t->client[row] = client_ref;
	t->name[row] = name;
	t->cpu_ns[row] = p->run_ns;
	t->rss_kib[row] = p->rss_bytes ? (int64_t)(p->rss_bytes / 1024) : -1;
	return 0;
}

int beat_minute_rows(struct beat_minute *m, const struct config *config, struct heartbeats *h)
{
	uint32_t beat = h->beats.n - 1;
	int64_t left = 0;
	int err = 0;

	for (size_t i = 0; i < m->nclients && !err; i++) {
		struct beat_client *c = &m->clients[i];

		err = client_row(c, beat,
				 c->section < config->n_clients ?
					 config->clients[c->section].version :
					 "",
				 h);
	}
	if (m->nprocesses)
		qsort(m->processes, m->nprocesses, sizeof(*m->processes), by_client_and_time);
	for (size_t i = 0; i < m->nprocesses && !err; i++) {
		const struct beat_process *p = &m->processes[i];
		const struct beat_client *c = &m->clients[p->client];

		if (!i || p->client != m->processes[i - 1].client)
			left = processes_of(config, c->section);
		if (left-- > 0 && p->run_ns)
			err = process_row(p, beat, c->name, h);
	}
	return err;
}
