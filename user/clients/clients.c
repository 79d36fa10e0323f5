// SPDX-License-Identifier: BSD-2-Clause
#include "user/clients/clients.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/clients/clients_private.h"
#include "user/common/small_file.h"

/* mountinfo is as long as a machine has mounts. */
#define MOUNTINFO_BYTES (1024 * 1024)

static int mounts_find(struct clients *c)
{
	char path[4096], *text = malloc(MOUNTINFO_BYTES);
	int err;

	if (!text)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/self/mountinfo", c->proc);
	if (small_file_read(path, text, MOUNTINFO_BYTES) < 0)
		*text = '\0';
	err = cgroup_mounts_parse(text, &c->mounts);
	free(text);
	return err;
}

int clients_new(const struct clients_options *options, struct clients **ret,
		struct config_errors *ret_errors)
{
	struct clients *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	*ret_errors = (struct config_errors){ 0 };
	if (!c)
		return -ENOMEM;
	c->config = options->config;
	c->proc = strdup(options->proc ? options->proc : "/proc");
	c->path = strdup(options->path);
	if (c->proc && c->path)
		err = client_rules_new(c->config, options->path, &c->rules, ret_errors);
	if (!err)
		err = mounts_find(c);
	if (!err)
		err = client_table_init(c);
	if (err)
		clients_free(c);
	else
		*ret = c;
	return err;
}

void clients_free(struct clients *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->ngroups; i++)
		client_group_release(&c->groups[i]);
	client_table_release(c);
	client_rules_free(c->rules);
	cgroup_mounts_release(&c->mounts);
	idmap_release(&c->by_thread);
	idmap_release(&c->by_tgid);
	idmap_release(&c->by_pid);
	idmap_release(&c->by_group);
	idmap_release(&c->scratch);
	free(c->threads);
	free(c->processes);
	free(c->groups);
	free(c->seconds);
	free(c->proc);
	free(c->path);
	free(c);
}

void clients_begin_second(struct clients *c, uint64_t now_ns)
{
	c->last_ns = c->now_ns;
	c->now_ns = now_ns;
	c->pass++;
	c->thread_cursor = SIZE_MAX;
	c->process_cursor = 0;
}

/* Another process has the number now: the one that had it ended between two passes. */
static bool is_another(const struct client_process *p, const struct bd_thread *id)
{
	return id->tid == id->tgid && p->start_ns && p->start_ns != id->start_ns;
}

static struct client_process *process_of(struct clients *c, const struct bd_thread *id,
					 uint32_t parent)
{
	struct client_process *p = client_process_find(c, id->tgid);

	if (p && !is_another(p, id))
		return p;
	p = client_process_new(c, id->tgid);
	if (p)
		p->parent = parent;
	return p;
}

static void name_take(const struct clients *c, struct client_process *p, const char name[BD_COMM])
{
	if (!strncmp(p->name, name, BD_COMM - 1))
		return;
	if (p->looked_ns && client_rules_need_name(c->rules))
		p->stale = true;
	memcpy(p->name, name, BD_COMM - 1);
}

static void process_update(const struct clients *c, struct client_process *p,
			   const struct bd_task *task)
{
	p->kernel = task->kthread;
	name_take(c, p, task->process);
	if (task->thread.tid != task->thread.tgid)
		return;
	p->start_ns = task->thread.start_ns;
	if (!p->looked_ns)
		p->parent = task->parent;
	if (p->looked_ns && (p->exec_id != task->exec_id || p->cgroup_id != task->cgroup_id))
		p->stale = true;
	p->exec_id = task->exec_id;
	p->cgroup_id = task->cgroup_id;
}

int clients_task(struct clients *c, const struct bd_task *task)
{
	const struct client_split split = { task->user_ns, task->system_ns };
	struct client_process *p = process_of(c, &task->thread, task->parent);
	uint32_t place;

	if (!p || client_process_name(c, p, task->ns_tgid))
		return -ENOMEM;
	place = p - c->processes;
	c->process_cursor = place;
	if (p->seen != c->pass || !p->threads)
		c->machine_processes++;
	p->seen = c->pass;
	process_update(c, p, task);
	return client_thread_account(c, &task->thread, task->ns_tid, &task->sums, &split, place, true);
}

/*
 * The side-band is read when there is time: a pass or an exit may have told of the child before.
 * Then it began lately, and only lacks what it has from its parent.
 */
static bool fork_is_known(struct clients *c, uint32_t ns_tgid, uint32_t client, uint32_t section)
{
	uint32_t found = idmap_get(&c->by_pid, ns_tgid);
	struct client_process *p = found == IDMAP_NONE ? NULL : &c->processes[found];

	if (!p || !p->start_ns || p->start_ns < c->last_ns || c->pass - p->seen >= CLIENTS_KEEP)
		return false;
	if (p->inherited == CLIENTS_NONE && section != CLIENTS_NONE) {
		p->inherited = section;
		p->stale = true;
		if (p->client == CLIENTS_NONE)
			p->client = client;
	}
	return true;
}

int clients_fork_record(struct clients *c, uint32_t ns_tgid, uint32_t ns_parent)
{
	uint32_t found = idmap_get(&c->by_pid, ns_parent);
	struct client_process parent, *p;

	/* A thread; or numbers that aren't the kernel's, whose processes the other records name. */
	if (ns_tgid == ns_parent || found == IDMAP_NONE || c->other_namespace)
		return 0;
	parent = c->processes[found];
	if (parent.client != CLIENTS_NONE)
		parent.inherited = c->entries[parent.client].section;
	if (fork_is_known(c, ns_tgid, parent.client, parent.inherited))
		return 0;
	p = client_process_new(c, ns_tgid);
	if (!p || client_process_name(c, p, ns_tgid))
		return -ENOMEM;
	p->parent = parent.tgid;
	p->inherited = parent.inherited;
	p->client = parent.client;
	p->group = parent.group;
	memcpy(p->name, parent.name, BD_COMM);
	return 0;
}

int clients_exit_record(struct clients *c, const struct bd_exit *record)
{
	uint32_t known = client_thread_process(c, &record->thread);
	struct client_process *p, *parent;

	if (known != CLIENTS_NONE)
		return client_thread_account(c, &record->thread, record->ns_tid, &record->sums,
					     NULL, known, false);
	p = process_of(c, &record->thread, record->parent);
	if (!p || client_process_name(c, p, record->ns_tgid))
		return -ENOMEM;
	if (record->thread.tid == record->thread.tgid)
		p->start_ns = record->thread.start_ns;
	p->cgroup_id = record->cgroup_id;
	/* It came and went between two passes: it is its parent's, where there is one. */
	parent = client_process_find(c, record->parent);
	if (!p->looked_ns && p->client == CLIENTS_NONE && parent) {
		p->client = parent->client;
		p->group = parent->group;
	}
	memcpy(p->name, record->process, BD_COMM - 1);
	return client_thread_account(c, &record->thread, record->ns_tid, &record->sums, NULL,
				     p - c->processes, false);
}

int clients_free_record(struct clients *c, const struct bd_free *record)
{
	const struct client_split split = { record->user_ns, record->system_ns };
	uint32_t known = client_thread_process(c, &record->thread);
	struct client_process *p;

	if (known != CLIENTS_NONE)
		return client_thread_account(c, &record->thread, 0, &record->sums, &split,
					     known, false);
	/* One that no pass has seen, and that is older than the last: its sums aren't this second's. */
	if (record->thread.start_ns < c->since_ns) {
		c->threads_unknown++;
		return 0;
	}
	p = process_of(c, &record->thread, 0);
	if (!p)
		return -ENOMEM;
	return client_thread_account(c, &record->thread, 0, &record->sums, &split,
				     p - c->processes, false);
}

int clients_end_second(struct clients *c, struct clients_second *ret)
{
	int err = client_processes_resolve(c);

	if (!err)
		err = client_processes_refresh(c);
	if (!err)
		err = client_metrics(c, ret);
	if (!err)
		err = clients_purge(c);
	if (err)
		return err;
	client_groups_purge(c);
	client_table_purge(c);
	c->since_ns = c->now_ns;
	return 0;
}

static uint32_t client_at(const struct clients *c, uint32_t process)
{
	uint32_t entry = process == IDMAP_NONE ? CLIENTS_NONE : c->processes[process].client;

	return entry == CLIENTS_NONE ? CLIENTS_NONE : c->entries[entry].row;
}

uint32_t clients_of_pid(const struct clients *c, uint32_t ns_tgid)
{
	return client_at(c, idmap_get(&c->by_pid, ns_tgid));
}

uint32_t clients_of_tgid(const struct clients *c, uint32_t tgid)
{
	return client_at(c, idmap_get(&c->by_tgid, tgid));
}

uint32_t clients_main_pid(const struct clients *c, uint32_t client)
{
	const struct client_process *oldest = NULL;

	for (size_t i = 0; i < c->nprocesses; i++) {
		const struct client_process *p = &c->processes[i];

		if (p->client != CLIENTS_NONE && c->entries[p->client].row == client &&
		    p->seen == c->pass && p->ns_tgid &&
		    (!oldest || p->start_ns < oldest->start_ns))
			oldest = p;
	}
	return oldest ? oldest->ns_tgid : 0;
}

const char *clients_unit(const struct clients *c, uint32_t ns_tgid)
{
	uint32_t found = idmap_get(&c->by_pid, ns_tgid);
	uint32_t group = found == IDMAP_NONE ? CLIENTS_NONE : c->processes[found].group;

	return group == CLIENTS_NONE ? "" : c->groups[group].unit;
}
