// SPDX-License-Identifier: BSD-2-Clause
/* Processes: looked at once and after each exec, and given to a client. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/clients/clients_private.h"
#include "user/lib/base/array.h"
#include "user/common/small_file.h"

#define DEPTH_MAX 32 /* of parents that are new as well */
#define CMDLINE_BYTES 4096

struct client_process *client_process_find(const struct clients *c, uint32_t tgid)
{
	uint32_t found;

	if (c->process_cursor < c->nprocesses && c->processes[c->process_cursor].tgid == tgid &&
	    c->processes[c->process_cursor].seen == c->pass)
		return &c->processes[c->process_cursor];
	found = idmap_get(&c->by_tgid, tgid);
	return found == IDMAP_NONE ? NULL : &c->processes[found];
}

struct client_process *client_process_new(struct clients *c, uint32_t tgid)
{
	struct client_process *p;

	if (array_reserve((void **)&c->processes, &c->cap_processes, c->nprocesses, 1,
			  sizeof(*c->processes)) ||
	    idmap_set(&c->by_tgid, tgid, c->nprocesses))
		return NULL;
	p = &c->processes[c->nprocesses++];
	*p = (struct client_process){ .tgid = tgid,
				      .group = CLIENTS_NONE,
				      .client = CLIENTS_NONE,
				      .inherited = CLIENTS_NONE,
				      .seen = c->pass,
				      .stale = true };
	return p;
}

int client_process_name(struct clients *c, struct client_process *p, uint32_t ns_tgid)
{
	if (!ns_tgid || p->ns_tgid == ns_tgid)
		return 0;
	p->ns_tgid = ns_tgid;
	c->other_namespace |= ns_tgid != p->tgid;
	return idmap_set(&c->by_pid, ns_tgid, p - c->processes);
}

static void proc_path(const struct clients *c, const struct client_process *p, const char *name,
		      char *path, size_t size)
{
	snprintf(path, size, "%s/%u/%s", c->proc, p->ns_tgid, name);
}

static void link_read(const char *path, char *text, size_t size)
{
	static const char gone[] = " (deleted)"; /* replaced by a newer version */
	ssize_t n = readlink(path, text, size - 1);
	ssize_t m = sizeof(gone) - 1;

	if (n < 0)
		n = 0;
	if (n > m && !memcmp(text + n - m, gone, m))
		n -= m;
	text[n] = '\0';
}

static void cmdline_read(const char *path, char *text, size_t size)
{
	ssize_t n = small_file_read(path, text, size);

	if (n < 0)
		n = 0;
	while (n && !text[n - 1])
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = ' ';
	text[n] = '\0';
}

static void rss_read(const struct clients *c, struct client_process *p)
{
	char path[4096], text[128];
	unsigned long long pages;

	proc_path(c, p, "statm", path, sizeof(path));
	if (small_file_read(path, text, sizeof(text)) > 0 &&
	    sscanf(text, "%*u %llu", &pages) == 1)
		p->rss_bytes = pages * sysconf(_SC_PAGESIZE);
}

/* True when it is in another group than before. */
static bool group_read(struct clients *c, struct client_process *p)
{
	char path[4096], text[8192];
	uint32_t before = p->group;

	proc_path(c, p, "cgroup", path, sizeof(path));
	if (small_file_read(path, text, sizeof(text)) > 0)
		p->group = client_group_get(c, text);
	return p->group != before;
}

static void give(struct clients *c, struct client_process *p, const struct client_facts *facts)
{
	uint32_t section = client_rules_match(c->rules, facts, p->inherited);
	const char *name;

	p->client = CLIENTS_NONE;
	p->left_out = 0;
	if (section == UINT32_MAX)
		return;
	name = client_rules_template(&c->config->clients[section], facts);
	p->client = client_table_get(c, section, name);
	if (p->client == CLIENTS_NONE) {
		uint64_t hash = section + 1;

		for (; name && *name; name++)
			hash = idmap_mix(hash, (unsigned char)*name);
		p->left_out = hash;
	}
}

/* Not inline: its buffers would be there for each parent on the way up. */
__attribute__((noinline)) static void look(struct clients *c, struct client_process *p)
{
	char path[4096], exe[4096] = "", cmdline[CMDLINE_BYTES] = "";
	struct client_facts facts = { .name = p->name, .exe = exe, .cmdline = cmdline,
				      .pid = p->ns_tgid };

	p->looked_ns = c->now_ns;
	/* One that has gone already, or that isn't in our /proc: what is known must do. */
	if (p->ns_tgid && p->threads) {
		group_read(c, p);
		if (client_rules_need_exe(c->rules)) {
			proc_path(c, p, "exe", path, sizeof(path));
			link_read(path, exe, sizeof(exe));
		}
		if (client_rules_need_cmdline(c->rules)) {
			proc_path(c, p, "cmdline", path, sizeof(path));
			cmdline_read(path, cmdline, sizeof(cmdline));
		}
	}
	if (p->group != CLIENTS_NONE) {
		facts.groups = c->groups[p->group].raw;
		facts.unit = c->groups[p->group].unit;
		facts.container = c->groups[p->group].container;
	}
	give(c, p, &facts);
	if (p->client != CLIENTS_NONE && p->ns_tgid && p->threads)
		rss_read(c, p);
}

/*
 * A child of a parent that was looked at before the child began, and has run no other program
 * since: if the child hasn't either, all that would be found is the parent's.
 */
static bool is_copy(const struct clients *c, const struct client_process *p,
		    const struct client_process *parent)
{
	return !p->looked_ns && parent->looked_ns && !parent->stale && p->start_ns &&
	       p->start_ns > parent->looked_ns && p->exec_id == parent->exec_id && p->exec_id &&
	       p->cgroup_id == parent->cgroup_id && !strcmp(p->name, parent->name) &&
	       parent->looked_ns != c->now_ns;
}

static void resolve(struct clients *c, struct client_process *p, unsigned depth)
{
	struct client_process *parent = p->parent == p->tgid ? NULL : client_process_find(c, p->parent);

	p->resolving = true;
	if (parent && parent->stale && !parent->resolving && !parent->kernel && depth < DEPTH_MAX)
		resolve(c, parent, depth + 1);
	p->resolving = false;
	if (!p->looked_ns && parent && parent->client != CLIENTS_NONE)
		p->inherited = c->entries[parent->client].section;
	p->stale = false;
	if (parent && is_copy(c, p, parent)) {
		p->group = parent->group;
		p->client = parent->client;
		p->left_out = parent->left_out;
		p->rss_bytes = 0;
		p->looked_ns = c->now_ns;
		return;
	}
	if (!c->looks_left && p->threads) {
		p->stale = true;
		/* Until then it is its parent's, if it has one. */
		if (!p->looked_ns && parent)
			p->client = parent->client;
		return;
	}
	c->looks_left -= p->threads > 0;
	look(c, p);
}

static void pid_file_process(void *arg, uint32_t pid)
{
	struct clients *c = arg;
	uint32_t found = idmap_get(&c->by_pid, pid);

	if (found != IDMAP_NONE)
		c->processes[found].stale = true;
}

int client_processes_resolve(struct clients *c)
{
	client_rules_pid_files(c->rules, pid_file_process, c);
	c->looks_left = CLIENTS_LOOKS_MAX;
	c->not_looked = 0;
	/* At the start all are new. */
	if (!c->last_ns)
		c->looks_left = UINT32_MAX;
	for (size_t i = 0; i < c->nprocesses; i++) {
		struct client_process *p = &c->processes[i];

		if (c->room && p->left_out)
			p->stale = true;
		if (p->stale && !p->kernel)
			resolve(c, p, 0);
		c->not_looked += p->stale && p->threads && !p->kernel;
	}
	c->room = false;
	return 0;
}

int client_processes_refresh(struct clients *c)
{
	size_t looked = 0;

	for (unsigned n = CLIENTS_REFRESH_MAX; n && looked < c->nprocesses; looked++) {
		struct client_process *p;

		if (c->refresh_cursor >= c->nprocesses)
			c->refresh_cursor = 0;
		p = &c->processes[c->refresh_cursor++];
		if (p->kernel || p->seen != c->pass || !p->ns_tgid || p->looked_ns == c->now_ns)
			continue;
		/* Where v1 hierarchies say what belongs together, no number tells of a move. */
		bool moves = *c->mounts.mounts[CGROUP_SYSTEMD].dir || *c->mounts.mounts[CGROUP_CPU].dir;

		if (p->client == CLIENTS_NONE && !moves)
			continue;
		n--;
		if (moves && group_read(c, p))
			p->stale = true;
		if (p->client != CLIENTS_NONE)
			rss_read(c, p);
	}
	return 0;
}

static bool has_gone(const struct clients *c, uint32_t seen)
{
	return c->pass - seen >= CLIENTS_KEEP;
}

/* Moves the processes that stay together; new_place[] tells where each is now. */
static int processes_pack(struct clients *c, uint32_t *new_place)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->nprocesses; i++) {
		new_place[i] = has_gone(c, c->processes[i].seen) ? CLIENTS_NONE : kept;
		if (new_place[i] != CLIENTS_NONE)
			c->processes[kept++] = c->processes[i];
	}
	c->nprocesses = kept;
	c->process_cursor = 0;
	idmap_release(&c->by_tgid);
	idmap_release(&c->by_pid);
	/* In the order in which they came: the newest of a number is the last. */
	for (size_t i = 0; i < kept; i++) {
		const struct client_process *p = &c->processes[i];

		if (idmap_set(&c->by_tgid, p->tgid, i) ||
		    (p->ns_tgid && idmap_set(&c->by_pid, p->ns_tgid, i)))
			return -ENOMEM;
	}
	return 0;
}

static int threads_pack(struct clients *c, const uint32_t *new_place)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->nthreads; i++) {
		struct client_thread *t = &c->threads[i];

		t->process = new_place[t->process];
		if (!has_gone(c, t->seen) && t->process != CLIENTS_NONE)
			c->threads[kept++] = *t;
	}
	c->nthreads = kept;
	c->thread_cursor = SIZE_MAX;
	idmap_release(&c->by_thread);
	for (size_t i = 0; i < kept; i++)
		if (idmap_set(&c->by_thread, idmap_mix(c->threads[i].start_ns, c->threads[i].tid), i))
			return -ENOMEM;
	return 0;
}

int clients_purge(struct clients *c)
{
	size_t gone = 0;
	uint32_t *new_place;
	int err;

	for (size_t i = 0; i < c->nthreads; i++)
		gone += has_gone(c, c->threads[i].seen);
	for (size_t i = 0; i < c->nprocesses; i++)
		gone += has_gone(c, c->processes[i].seen);
	/* Making the maps anew costs as much as a pass: only when it is worth it. */
	if (gone < 64 || gone < (c->nthreads + c->nprocesses) / 8)
		return 0;
	new_place = malloc((c->nprocesses + 1) * sizeof(*new_place));
	if (!new_place)
		return -ENOMEM;
	err = processes_pack(c, new_place);
	if (!err)
		err = threads_pack(c, new_place);
	free(new_place);
	return err;
}
