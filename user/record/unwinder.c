// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/unwinder.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "user/common/clock.h"
#include "user/lib/base/array.h"
#include "user/lib/unwind/unwind_table.h"

#if defined(__aarch64__)
#define MACHINE EM_AARCH64
#define IP_MASK ((1ULL << 48) - 1)
#define SP_REG 31
#define LINK_REG 30
#else
#define MACHINE EM_X86_64
#define IP_MASK (~0ULL)
#define SP_REG 7
#define LINK_REG 0 /* none */
#endif

#define SWEEP_NS 2000000000ULL
#define LOOKS_MAX 64 /* modules whose table a single walk may wait for */

struct unwinder {
	struct process_table *processes;
	struct unwind_maps *maps;
	struct unwind_rules *rules;
	struct unwind_mapping *mappings; /* of the process at hand */
	size_t nmappings, cap_mappings;
	struct bd_mapping *shared;
	size_t cap_shared;
	uint64_t *pcs;
	uint64_t swept_ns;
	uint32_t seen_departures, sweeps_due;
	struct unwinder_counts counts;
};

int unwinder_new(struct unwinder **ret, const struct unwind_map_fds *fds,
		 struct process_table *processes)
{
	struct unwinder *u = calloc(1, sizeof(*u));
	uint64_t seed;
	int err = -ENOMEM;

	if (!u)
		return err;
	u->processes = processes;
	/* without a seed all works, only not against rules that are made to collide */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = 0;
	u->rules = unwind_rules_new(UNWIND_RULES_MOST, seed);
	u->pcs = malloc(BD_WALK_MAX * sizeof(*u->pcs));
	if (u->rules && u->pcs)
		err = unwind_maps_new(&u->maps, fds);
	if (!err)
		err = unwind_maps_set_rules(u->maps, unwind_rules_all(u->rules), 0,
					    unwind_rules_count(u->rules));
	if (err) {
		unwinder_free(u);
		return err;
	}
	*ret = u;
	return 0;
}

void unwinder_free(struct unwinder *u)
{
	if (!u)
		return;
	unwind_maps_free(u->maps);
	unwind_rules_free(u->rules);
	free(u->mappings);
	free(u->shared);
	free(u->pcs);
	free(u);
}

/* --- tables */
static int table_install(struct unwinder *u, uint32_t number, struct unwind_table *table)
{
	struct module *module = &u->processes->modules[number];
	const struct unwind_value *values;
	uint32_t first_new;
	int err = unwind_table_globalise(table, u->rules, &first_new);

	/* A rule must be there before the first row that names it. */
	if (!err)
		err = unwind_maps_set_rules(u->maps, unwind_rules_all(u->rules), first_new,
					    unwind_rules_count(u->rules));
	if (err)
		return err;
	err = unwind_maps_set_table(u->maps, number, table->values,
				    unwind_table_head(table)->values, &values);
	if (err)
		return err;
	module->view = (struct unwind_view){
		.values = values,
		.count = unwind_table_head(table)->values,
		.rules_count = UNWIND_RULES_MOST,
		.rules = unwind_maps_rules(u->maps),
	};
	module->unwind = UNWIND_MAPPING_TABLE;
	u->counts.tables++;
	return 0;
}

/* Makes what can be made for the walk through a module. True: something has changed by it. */
static bool module_prepare(struct unwinder *u, uint32_t pid, const struct mapping *mapping)
{
	struct process_table *t = u->processes;
	struct unwind_table table = { 0 };
	void *block = NULL;
	int err = -ENOENT;

	process_table_open(t, pid, mapping);
	struct module *module = &t->modules[mapping->file];

	if (module->table_tried)
		return false;
	module->table_tried = true;
	t->module_changes++;
	if (module->kind == MODULE_JIT)
		return true;
	if (module->open)
		err = reader_table(t->reader, module->file.id, &block, &table.bytes);
	if (!err) {
		table.values = block;
		err = table_install(u, mapping->file, &table);
		free(block);
	}
	if (err == -ENODATA)
		module->unwind = UNWIND_MAPPING_NO_SECTION;
	else if (err)
		module->unreadable = true;
	return true;
}

/* --- the walk */
static int view_mappings(struct unwinder *u, const struct process *process)
{
	const struct mappings *from = &process->mappings;

	if (array_reserve((void **)&u->mappings, &u->cap_mappings, 0, from->n + 1,
			  sizeof(*u->mappings)))
		return -ENOMEM;
	u->nmappings = from->n;
	for (size_t i = 0; i < from->n; i++) {
		const struct module *module = &u->processes->modules[from->by_start[i].file];

		u->mappings[i] = (struct unwind_mapping){
			.start = from->by_start[i].start,
			.end = from->by_start[i].end,
			.bias = process_table_bias(u->processes, &from->by_start[i]),
			.kind = module->unwind,
			.view = &module->view,
		};
	}
	return 0;
}

struct unwind_memory unwinder_copy(const struct bd_late *late)
{
	return (struct unwind_memory){
		.base = late->r[SP_REG] + late->skip,
		.data = late->copy,
		.bytes = late->bytes,
	};
}

static enum unwind_reason walk_once(struct unwinder *u, const struct bd_late *late,
				    const struct unwind_memory *copy, size_t *ret_n)
{
	struct unwind_walk walk = {
		.mappings = u->mappings,
		.mappings_count = u->nmappings,
		.memory = copy,
		.memory_count = 1,
		.machine = MACHINE,
	};
	struct unwind_cursor at = {
		.ip = late->ip,
		.ip_mask = IP_MASK,
		.known = late->known,
		.exact = 1,
	};

	memcpy(at.r, late->r, sizeof(at.r));
	enum unwind_reason reason = unwind_walk(&walk, &at, u->pcs, BD_WALK_MAX, ret_n);

	/* What lies outside of the copy may well have been there. */
	if (reason == UNWIND_STACK && copy->bytes)
		reason = UNWIND_COPY;
	return reason;
}

/* Walks, makes what was missing, and walks again, until nothing more can be made. */
static enum unwind_reason walk_and_prepare(struct unwinder *u, const struct bd_late *late,
					   const struct unwind_memory *copy, uint32_t pid,
					   size_t *ret_n)
{
	enum unwind_reason reason = UNWIND_NO_TABLE;

	for (int look = 0; look < LOOKS_MAX; look++) {
		struct process *process = process_table_get(u->processes, pid);
		bool again = false;

		if (!process || view_mappings(u, process))
			return UNWIND_MAPPING;
		reason = walk_once(u, late, copy, ret_n);
		if (reason == UNWIND_MAPPING && (!process->known || !process->certain)) {
			/* Records may have been lost, or it is older than they are. */
			process_table_read(u->processes, pid);
			process = process_table_get(u->processes, pid);
			again = process->known;
			process->certain = true;
		} else if (reason == UNWIND_NO_TABLE) {
			const struct mapping *mapping =
				mappings_find(&process->mappings, u->pcs[*ret_n - 1]);

			again = mapping && module_prepare(u, pid, mapping);
			if (mapping && !again)
				return UNWIND_UNREADABLE;
		}
		if (!again)
			break;
	}
	return reason;
}

struct bd_late *unwinder_jump(struct unwinder *u, const struct bd_late *late,
			      const struct unwind_memory *copy, uint32_t pid)
{
	struct process *process = process_table_get(u->processes, pid);
	struct bd_late *moved;
	uint64_t caller = 0;

	if (process && !process->known)
		process_table_read(u->processes, pid);
	process = process_table_get(u->processes, pid);
	if (!process || mappings_find(&process->mappings, late->ip))
		return NULL;
	if (MACHINE == EM_AARCH64)
		caller = late->r[LINK_REG] & IP_MASK;
	else if (!late->skip && copy->bytes >= sizeof(caller))
		memcpy(&caller, copy->data, sizeof(caller));
	if (!caller || !mappings_find(&process->mappings, caller - 1))
		return NULL;
	moved = malloc(sizeof(*moved));
	if (!moved)
		return NULL;
	memcpy(moved, late, BD_LATE_HEAD);
	moved->ip = caller - 1;
	moved->wanted = 0;
	if (MACHINE != EM_AARCH64)
		moved->r[SP_REG] += sizeof(caller);
	return moved;
}

static uint64_t frame_of(const struct unwinder *u, const struct process *process, uint64_t pc)
{
	const struct mapping *mapping = mappings_find(&process->mappings, pc);

	if (!mapping)
		return 0;
	return (uint64_t)mapping->file << BD_MODULE_SHIFT |
	       ((pc - process_table_bias(u->processes, mapping)) & ((1ULL << BD_MODULE_SHIFT) - 1));
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0xff51afd7ed558ccdULL;
	return hash ^ hash >> 32;
}

/* --- telling the kernel */
/* After publish(): a walk that finds no table yet is late, as it would be without its mappings. */
static void tables_flush(struct unwinder *u)
{
	if (unwind_maps_flush(u->maps))
		u->counts.unpublished++;
}

static enum bd_mapping_kind shared_kind(const struct module *module)
{
	static const enum bd_mapping_kind kinds[UNWIND_MAPPING_COUNT] = {
		[UNWIND_MAPPING_TABLE] = BD_MAPPING_TABLE,
		[UNWIND_MAPPING_NO_TABLE] = BD_MAPPING_NO_TABLE,
		[UNWIND_MAPPING_NO_SECTION] = BD_MAPPING_FRAME_POINTERS,
		[UNWIND_MAPPING_JIT] = BD_MAPPING_FRAME_POINTERS,
	};

	return module->unreadable ? BD_MAPPING_UNREADABLE : kinds[module->unwind];
}

static void prepare_all(struct unwinder *u, struct process *process)
{
	for (size_t i = 0; i < process->mappings.n; i++) {
		const struct mapping *mapping = &process->mappings.by_start[i];
		struct module *module = &u->processes->modules[mapping->file];

		/* A map of JIT-compiled code may appear at any time, and must be opened before
		 * the process is gone. */
		if (module->kind == MODULE_JIT && !module->open)
			module->tried = false;
		if (process->eager)
			module_prepare(u, process->pid, mapping);
		else if (module->kind == MODULE_JIT)
			process_table_open(u->processes, process->pid, mapping);
	}
}

static void publish(struct unwinder *u, struct process *process)
{
	const struct mappings *from = &process->mappings;

	prepare_all(u, process);
	if (array_reserve((void **)&u->shared, &u->cap_shared, 0, from->n + 1, sizeof(*u->shared))) {
		unwind_maps_forget(u->maps, process->tgid);
		process->published = 0;
		return;
	}
	for (size_t i = 0; i < from->n; i++) {
		const struct mapping *m = &from->by_start[i];

		u->shared[i] = (struct bd_mapping){
			.start = m->start,
			.bias = process_table_bias(u->processes, m),
			.pages = (m->end - m->start) >> 12,
			.module = m->file,
			.kind = shared_kind(&u->processes->modules[m->file]),
		};
	}
	if (unwind_maps_publish(u->maps, process->tgid, process->exec_id, u->shared, from->n,
				process->certain))
		u->counts.unpublished++;
	process->published = process->changes + 1;
	process->published_modules = u->processes->module_changes;
}

void unwinder_know(struct unwinder *u, uint32_t pid, uint32_t tgid, uint32_t exec_id, bool eager)
{
	struct process *process = process_table_get(u->processes, pid);

	if (!process || !process->mappings.n)
		return;
	process->tgid = tgid;
	process->exec_id = exec_id;
	process->eager = eager;
	publish(u, process);
	tables_flush(u);
}

/* What the kernel's walk lacked: the walk here may end before it gets there. */
static void prepare_wanted(struct unwinder *u, uint32_t pid, uint64_t wanted)
{
	struct process *process = process_table_get(u->processes, pid);
	const struct mapping *mapping = mappings_find(&process->mappings, wanted);

	if (mapping)
		module_prepare(u, pid, mapping);
}

int unwinder_walk(struct unwinder *u, const struct bd_late *late,
		  const struct unwind_memory *copy, uint32_t pid, struct bd_stack *ret)
{
	struct process *process = process_table_get(u->processes, pid);
	size_t n = 0;

	if (!process)
		return -ENOMEM;
	if (!process->known)
		process_table_read(u->processes, pid);
	if (late->wanted)
		prepare_wanted(u, pid, late->wanted);
	enum unwind_reason reason = walk_and_prepare(u, late, copy, pid, &n);

	process = process_table_get(u->processes, pid);
	if (!process)
		return -ENOMEM;
	if (reason == UNWIND_MAPPING && n)
		n--; /* the address that is in no mapping is no frame */
	ret->head = late->sample.head;
	ret->user = 1;
	ret->end = reason;
	ret->n = n;
	ret->hash = 0;
	for (size_t i = 0; i < n; i++) {
		size_t at = i < BD_STACK_HALF ? i : BD_STACK_HALF + i % BD_STACK_HALF;

		ret->frames[at] = frame_of(u, process, u->pcs[i]);
		ret->hash = mix(ret->hash, ret->frames[at]);
	}
	ret->hash = mix(ret->hash, reason);
	u->counts.late++;
	process->tgid = late->sample.thread.tgid;
	if (process->published != process->changes + 1 || process->exec_id != late->sample.exec_id ||
	    process->published_modules != u->processes->module_changes) {
		process->exec_id = late->sample.exec_id;
		publish(u, process);
	}
	tables_flush(u);
	return 0;
}

void unwinder_check(struct unwinder *u, const struct bd_stack *ours, const uint64_t *frames,
		    uint32_t n)
{
	uint32_t both = ours->n < n ? ours->n : n;

	/* Ours may end with its copy of the stack; what both have must be the same. */
	u->counts.checked++;
	if (both > BD_STACK_HALF)
		both = BD_STACK_HALF;
	if ((ours->n != n && ours->end != UNWIND_COPY && ours->end != UNWIND_STACK) ||
	    memcmp(ours->frames, frames, both * sizeof(*frames)))
		u->counts.disagreed++;
}

void unwinder_forget(struct unwinder *u, uint32_t pid)
{
	struct process *process = process_table_get(u->processes, pid);

	if (process && process->published) {
		unwind_maps_forget(u->maps, process->tgid);
		process->published = 0;
	}
	process_table_exit(u->processes, pid);
}

static void mark_used(const struct process_table *t, bool *used)
{
	for (size_t i = 0; i < t->nprocesses; i++) {
		const struct mappings *m = &t->processes[i].mappings;

		for (size_t j = 0; j < m->n && !t->processes[i].ended; j++)
			used[m->by_start[j].file] = true;
	}
}

/* The table of a file that was in nobody's memory at two sweeps in a row is given back. */
static void tables_sweep(struct unwinder *u)
{
	struct process_table *t = u->processes;
	bool *used = calloc(t->nmodules, sizeof(*used));

	if (!used)
		return;
	process_table_sweep(t);
	mark_used(t, used);
	for (size_t i = 0; i < t->nmodules; i++) {
		struct module *module = &t->modules[i];
		bool idle = !used[i] && module->view.values;

		if (idle && module->idle) {
			unwind_maps_drop_table(u->maps, i);
			module->view = (struct unwind_view){ 0 };
			module->unwind = UNWIND_MAPPING_NO_TABLE;
			module->table_tried = false;
			t->module_changes++;
			u->counts.dropped++;
		}
		module->idle = idle;
	}
	free(used);
}

void unwinder_refresh(struct unwinder *u)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (u->seen_departures != u->processes->departures) {
		u->seen_departures = u->processes->departures;
		u->sweeps_due = 2;
	}
	if (u->sweeps_due && now_ns > u->swept_ns + SWEEP_NS) {
		u->sweeps_due--;
		u->swept_ns = now_ns;
		tables_sweep(u);
		tables_flush(u);
	}
	struct process *changed = process_table_take_changed(u->processes);

	if (!changed)
		return;
	for (; changed; changed = process_table_take_changed(u->processes))
		publish(u, changed);
	tables_flush(u);
}

void unwinder_counts(const struct unwinder *u, struct unwinder_counts *ret)
{
	*ret = u->counts;
	ret->table_bytes = unwind_maps_bytes(u->maps);
}
