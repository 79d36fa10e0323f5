// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/process_table.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "bpf/abi.h"
#include "user/common/container.h"
#include "user/lib/base/array.h"

static int module_add(struct process_table *t, const struct module *new, const char *path)
{
	if (t->nmodules == BD_MODULES_MAX)
		return -ENOSPC;
	if (array_reserve((void **)&t->modules, &t->cap_modules, t->nmodules, 1,
			  sizeof(*t->modules)))
		return -ENOMEM;
	t->modules[t->nmodules] = *new;
	t->modules[t->nmodules].unwind =
		new->kind == MODULE_JIT ? UNWIND_MAPPING_JIT : UNWIND_MAPPING_NO_TABLE;
	t->modules[t->nmodules].path = strdup(path);
	return t->modules[t->nmodules].path ? (int)t->nmodules++ : -ENOMEM;
}

int process_table_init(struct process_table *t, struct reader *reader)
{
	*t = (struct process_table){ .reader = reader };
	int index = module_add(t, &(struct module){ .kind = MODULE_KERNEL }, "[kernel]");

	return index < 0 ? index : 0;
}

void process_table_release(struct process_table *t)
{
	for (size_t i = 0; i < t->nprocesses; i++)
		mappings_release(&t->processes[i].mappings);
	for (size_t i = 0; i < t->nmodules; i++)
		free(t->modules[i].path);
	free(t->processes);
	free(t->modules);
	free(t->changed);
	idmap_release(&t->by_pid);
	idmap_release(&t->by_file);
	*t = (struct process_table){ 0 };
}

struct process *process_table_get(struct process_table *t, uint32_t pid)
{
	uint32_t found = idmap_get(&t->by_pid, pid);

	if (found != IDMAP_NONE)
		return &t->processes[found];
	if (array_reserve((void **)&t->processes, &t->cap_processes, t->nprocesses, 1,
			  sizeof(*t->processes)) ||
	    idmap_set(&t->by_pid, pid, t->nprocesses))
		return NULL;
	struct process *process = &t->processes[t->nprocesses++];

	*process = (struct process){ .pid = pid };
	return process;
}

static uint64_t text_key(const char *text)
{
	uint64_t key = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (; *text; text++)
		key = (key ^ (unsigned char)*text) * 0x100000001b3ULL;
	return key;
}

/* What a mapping's name says of the code in it. */
static enum module_kind kind_of(const char *path)
{
	if (!strcmp(path, "[vdso]"))
		return MODULE_VDSO;
	if (path[0] != '/' || !strncmp(path, "//anon", 6) || !strncmp(path, "/memfd:", 7) ||
	    !strncmp(path, "/dev/zero", 9) || !strncmp(path, "/SYSV", 5) ||
	    !strncmp(path, "/anon_hugepage", 14))
		return MODULE_JIT;
	return MODULE_FILE;
}

/* The path without the mark that the kernel adds to that of a file without a name. */
static const char *plain_path(const struct sideband_event *m, char *buf, size_t size)
{
	static const char deleted[] = " (deleted)";
	size_t length = strlen(m->name), tail = sizeof(deleted) - 1;

	if (!m->inode || length <= tail || length >= size ||
	    strcmp(m->name + length - tail, deleted))
		return m->name;
	memcpy(buf, m->name, length - tail);
	buf[length - tail] = '\0';
	return buf;
}

static int module_find(struct process_table *t, const struct sideband_event *m)
{
	char plain[4096];
	const char *path = plain_path(m, plain, sizeof(plain));
	struct module new = { .kind = kind_of(path) };
	uint64_t key;

	switch (new.kind) {
	case MODULE_VDSO:
		key = text_key(path);
		break;
	case MODULE_JIT:
		path = "[jit]";
		new.pid = m->pid;
		key = idmap_mix(text_key(path), m->pid);
		break;
	default:
		new.dev_major = m->dev_major;
		new.dev_minor = m->dev_minor;
		new.inode = m->inode;
		key = idmap_mix(idmap_mix(text_key(path), m->inode),
				((uint64_t)m->dev_major << 32) + m->dev_minor);
	}
	uint32_t found = idmap_get(&t->by_file, key);

	if (found != IDMAP_NONE)
		return found;
	int index = module_add(t, &new, path);

	if (index >= 0 && idmap_set(&t->by_file, key, index))
		return -ENOMEM;
	return index;
}

static int mappings_changed(struct process_table *t, struct process *process)
{
	if (process->published == process->changes + 1) {
		if (array_reserve((void **)&t->changed, &t->cap_changed, t->nchanged, 1,
				  sizeof(*t->changed)))
			return -ENOMEM;
		t->changed[t->nchanged++] = process->pid;
	}
	process->changes++;
	process->ended = 0; /* its number is in use again, or only its first thread has ended */
	process->certain = false;
	return 0;
}

struct process *process_table_take_changed(struct process_table *t)
{
	while (t->nchanged) {
		uint32_t found = idmap_get(&t->by_pid, t->changed[--t->nchanged]);
		struct process *process = found == IDMAP_NONE ? NULL : &t->processes[found];

		if (process && process->published && process->published != process->changes + 1)
			return process;
	}
	return NULL;
}

static int mapping_add(struct process_table *t, const struct sideband_event *m)
{
	struct process *process = process_table_get(t, m->pid);
	int module = module_find(t, m);

	if (!process || module < 0)
		return module == -ENOSPC ? module : -ENOMEM;
	int err = mappings_changed(t, process);

	return err ? err : mappings_add(&process->mappings,
					&(struct mapping){ m->start, m->end, m->offset, module });
}

static int fork_copy(struct process_table *t, const struct sideband_event *event)
{
	if (event->pid == event->parent)
		return 0; /* a thread */
	struct process *child = process_table_get(t, event->pid);
	struct process *parent = process_table_get(t, event->parent);

	child = process_table_get(t, event->pid); /* the second call may have moved it */
	if (!child || !parent)
		return -ENOMEM;
	child->known = parent->known;
	child->ended_ns = 0;
	child->container_known = false;
	int err = mappings_changed(t, child);

	return err ? err : mappings_copy(&child->mappings, &parent->mappings);
}

int process_table_event(struct process_table *t, const struct sideband_event *event)
{
	struct process *process;

	switch (event->kind) {
	case SIDEBAND_MAPPING:
		return mapping_add(t, event);
	case SIDEBAND_FORK:
		return fork_copy(t, event);
	case SIDEBAND_COMM:
		process = event->exec ? process_table_get(t, event->pid) : NULL;
		if (!process)
			return 0;
		mappings_clear(&process->mappings);
		t->departures++;
		process->known = true;
		return mappings_changed(t, process);
	case SIDEBAND_EXIT:
		if (event->pid == event->tid) {
			process = process_table_get(t, event->pid);
			if (process)
				process->ended_ns = event->t_ns;
		}
		return 0;
	case SIDEBAND_LOST:
		t->sideband_lost += event->lost;
		for (size_t i = 0; i < t->nprocesses; i++)
			t->processes[i].known = false;
		return 0;
	default:
		return 0;
	}
}

size_t process_table_bytes(const struct process_table *t)
{
	size_t bytes = t->cap_processes * sizeof(*t->processes) +
		       t->cap_modules * sizeof(*t->modules) + idmap_bytes(&t->by_pid) +
		       idmap_bytes(&t->by_file);

	for (size_t i = 0; i < t->nprocesses; i++)
		bytes += t->processes[i].mappings.cap * sizeof(struct mapping);
	return bytes;
}

int process_table_trim(struct process_table *t, uint64_t oldest_ns)
{
	struct idmap by_pid = { 0 };
	size_t kept = 0;

	for (size_t i = 0; i < t->nprocesses; i++) {
		const struct process *p = &t->processes[i];

		if (p->ended_ns && p->ended_ns < oldest_ns)
			continue;
		if (idmap_set(&by_pid, p->pid, kept++)) {
			idmap_release(&by_pid);
			return -ENOMEM;
		}
	}
	kept = 0;
	for (size_t i = 0; i < t->nprocesses; i++) {
		struct process *p = &t->processes[i];

		if (p->ended_ns && p->ended_ns < oldest_ns)
			mappings_release(&p->mappings);
		else
			t->processes[kept++] = *p;
	}
	t->nprocesses = kept;
	array_shrink((void **)&t->processes, &t->cap_processes, kept, sizeof(*t->processes));
	idmap_release(&t->by_pid);
	t->by_pid = by_pid;
	return 0;
}

void process_table_exit(struct process_table *t, uint32_t pid)
{
	uint32_t found = idmap_get(&t->by_pid, pid);

	if (found == IDMAP_NONE)
		return;
	t->processes[found].ended = 1;
	t->departures++;
}

void process_table_sweep(struct process_table *t)
{
	for (size_t i = 0; i < t->nprocesses; i++) {
		struct process *process = &t->processes[i];

		if (process->ended && process->ended++ == 2) {
			mappings_release(&process->mappings);
			process->known = process->certain = process->eager = false;
			process->ended = 0;
		}
	}
}

/* A line of /proc/PID/maps: range, permissions, offset, device, inode, path. */
static bool maps_line(char *line, struct sideband_event *m)
{
	char perms[8];
	int path = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %" SCNu64 " %n", &m->start,
		   &m->end, perms, &m->offset, &m->dev_major, &m->dev_minor, &m->inode, &path) < 7)
		return false;
	m->name = line + path;
	return perms[2] == 'x' && strcmp(m->name, "[vsyscall]") != 0;
}

/* NULL where there is no mapping, or no process. */
static FILE *maps_open_of(uint32_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	FILE *f = fopen(path, "re");
	int first = f ? getc(f) : EOF;

	if (first != EOF) {
		ungetc(first, f);
		return f;
	}
	if (f)
		fclose(f);
	return NULL;
}

/* Where the first thread has exited, /proc has the memory by the number of another one. */
static FILE *maps_open(uint32_t pid, uint32_t *ret_pid)
{
	struct dirent *entry;
	char path[64];
	FILE *f = maps_open_of(pid);

	*ret_pid = pid;
	if (f)
		return f;
	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	DIR *dir = opendir(path);

	while (dir && !f && (entry = readdir(dir))) {
		uint32_t tid = strtoul(entry->d_name, NULL, 10);

		if (!tid || tid == pid)
			continue;
		f = maps_open_of(tid);
		*ret_pid = tid;
	}
	if (dir)
		closedir(dir);
	return f;
}

int process_table_read(struct process_table *t, uint32_t pid)
{
	struct process *process = process_table_get(t, pid);
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	if (!process)
		return -ENOMEM;
	process->known = true;
	FILE *f = maps_open(pid, &process->memory_pid);

	if (!f)
		return -ESRCH;
	while (!err && getline(&line, &size, f) > 0) {
		struct sideband_event m = { .kind = SIDEBAND_MAPPING, .pid = pid };

		if (maps_line(line, &m))
			err = mapping_add(t, &m);
	}
	free(line);
	fclose(f);
	return err;
}

/* --- opening modules, at the first sample in them */
static const void *own_vdso(size_t *ret_size)
{
	char line[256];
	uint64_t start, end, at = getauxval(AT_SYSINFO_EHDR);
	FILE *f = at ? fopen("/proc/self/maps", "re") : NULL;

	*ret_size = 0;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) == 2 && start == at)
			*ret_size = end - start;
	if (f)
		fclose(f);
	return (const void *)(uintptr_t)at;
}

/* The process's number in its innermost PID namespace, by which it names its perf map. */
static int innermost_pid(uint32_t pid)
{
	char path[64], line[256];
	int inner = pid;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "NSpid:", 6))
			continue;
		char *last = strrchr(line, '\t');

		if (last)
			inner = atoi(last);
		break;
	}
	if (f)
		fclose(f);
	return inner;
}

static void module_open(struct process_table *t, struct module *module, uint32_t pid,
			const struct mapping *mapping)
{
	const struct process *process = process_table_get(t, pid);
	struct reader_open request = {
		.pid = process && process->memory_pid ? process->memory_pid : pid,
		.start = mapping->start,
		.end = mapping->end,
		.dev_major = module->dev_major,
		.dev_minor = module->dev_minor,
		.inode = module->inode,
		.path = module->path,
	};
	const void *image;
	size_t size;
	int err = -ENOENT;

	module->tried = true;
	switch (module->kind) {
	case MODULE_FILE:
		err = reader_open(t->reader, &request, &module->file);
		break;
	case MODULE_VDSO:
		image = own_vdso(&size);
		if (size)
			err = reader_open_image(t->reader, "[vdso]", image, size, &module->file);
		break;
	case MODULE_JIT:
		err = reader_open_perf_map(t->reader, pid, innermost_pid(pid), &module->file);
		break;
	case MODULE_KERNEL:
		break;
	}
	module->open = !err;
	t->failed_opens += err && module->kind == MODULE_FILE;
}

void process_table_open(struct process_table *t, uint32_t pid, const struct mapping *mapping)
{
	struct module *module = &t->modules[mapping->file];

	if (!module->tried)
		module_open(t, module, pid, mapping);
}

/* A segment begins anywhere in its first page, so the mapping's own offset may lie before it. */
uint64_t process_table_bias(const struct process_table *t, const struct mapping *mapping)
{
	const struct module *module = &t->modules[mapping->file];
	uint64_t until = mapping->offset + (mapping->end - mapping->start);

	if (module->kind == MODULE_JIT)
		return 0;
	for (uint32_t i = 0; module->open && i < module->file.n_loads; i++) {
		const struct elf_image_load *load = &module->file.loads[i];

		if (load->offset < until && load->offset + load->size > mapping->offset)
			return mapping->start - mapping->offset - (load->vaddr - load->offset);
	}
	return mapping->start - mapping->offset;
}
