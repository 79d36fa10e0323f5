// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/unwind_maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define RULES 65536
#define PENDING_MAX 256
#define NEVER UINT64_MAX /* no address is so high */
#define PIECE_BYTES ((size_t)64 << 10)

/*
 * An array of the kernel's as we see it, as far as it is in use: what is mapped of it counts as
 * resident memory, touched or not.
 */
struct shared_array {
	void *at;
	size_t bytes, there; /* whole pages */
	int fd;
};

/* Modules whose tables are the same byte for byte have one: a file's copies in containers, say. */
struct shared_table {
	int fd;
	uint32_t count, modules;
	struct unwind_value *values;
};

struct unwind_maps {
	struct unwind_map_fds fds;
	struct shared_array rules, chunks;
	struct bd_process *processes;
	uint32_t *free_chunks;
	size_t nfree;
	struct shared_table **tables; /* by module */
	uint32_t ntables;	      /* modules beyond have none */
	uint32_t *pending;	     /* modules whose table isn't in the outer map yet, */
	uint32_t *pending_fds;	     /* and its map */
	uint32_t npending;
	int none_fd;
	uint64_t table_bytes;
};

static void *map_fd(int fd, size_t bytes)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *at = mmap(NULL, (bytes + page - 1) / page * page, PROT_READ | PROT_WRITE, MAP_SHARED,
			fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* Addresses for all of it. */
static int shared_reserve(struct shared_array *a, int fd, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return -errno;
	*a = (struct shared_array){ .at = at, .bytes = bytes, .fd = fd };
	return 0;
}

/* Its first `bytes` can be used from then on. */
static int shared_extend(struct shared_array *a, size_t bytes)
{
	size_t until = (bytes + PIECE_BYTES - 1) / PIECE_BYTES * PIECE_BYTES;

	if (bytes <= a->there)
		return 0;
	if (until > a->bytes)
		until = a->bytes;
	if (mmap((char *)a->at + a->there, until - a->there, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, a->fd, (off_t)a->there) == MAP_FAILED)
		return -errno;
	a->there = until;
	return 0;
}

static void shared_release(struct shared_array *a)
{
	if (a->at)
		munmap(a->at, a->bytes);
}

static void table_close(struct unwind_maps *m, uint32_t module)
{
	struct shared_table *table = m->tables[module];

	m->tables[module] = NULL;
	if (!table || --table->modules)
		return;
	munmap(table->values, (size_t)table->count * sizeof(*table->values));
	close(table->fd);
	m->table_bytes -= (uint64_t)table->count * sizeof(*table->values);
	free(table);
}

void unwind_maps_free(struct unwind_maps *m)
{
	if (!m)
		return;
	/* The outer map is about to go as a whole: taking tables out of it one by one takes a grace
	 * period each. */
	for (uint32_t i = 0; i < m->ntables; i++)
		table_close(m, i);
	if (m->none_fd >= 0)
		close(m->none_fd);
	if (m->processes)
		munmap(m->processes, m->fds.nprocesses * sizeof(*m->processes));
	shared_release(&m->rules);
	shared_release(&m->chunks);
	free(m->tables);
	free(m->free_chunks);
	free(m->pending);
	free(m->pending_fds);
	free(m);
}

int unwind_maps_new(struct unwind_maps **ret, const struct unwind_map_fds *fds)
{
	struct unwind_maps *m = calloc(1, sizeof(*m));
	int err = -ENOMEM;

	if (!m)
		return err;
	m->fds = *fds;
	m->none_fd = -1;
	m->tables = calloc(BD_MODULES_MAX, sizeof(*m->tables));
	m->free_chunks = malloc(fds->nchunks * sizeof(*m->free_chunks));
	m->pending = malloc(PENDING_MAX * sizeof(*m->pending));
	m->pending_fds = malloc(PENDING_MAX * sizeof(*m->pending_fds));
	if (!m->tables || !m->free_chunks || !m->pending || !m->pending_fds)
		goto fail;
	m->processes = map_fd(fds->processes, fds->nprocesses * sizeof(*m->processes));
	if (!m->processes) {
		err = -errno;
		goto fail;
	}
	err = shared_reserve(&m->rules, fds->rules, RULES * sizeof(struct unwind_rule));
	if (!err)
		err = shared_reserve(&m->chunks, fds->mappings,
				     fds->nchunks * sizeof(struct bd_mapping_chunk));
	if (err)
		goto fail;
	for (uint32_t i = fds->nchunks; i-- > 0;)
		m->free_chunks[m->nfree++] = i;
	*ret = m;
	return 0;
fail:
	unwind_maps_free(m);
	return err;
}

const struct unwind_rule *unwind_maps_rules(const struct unwind_maps *m)
{
	return m->rules.at;
}

int unwind_maps_set_rules(struct unwind_maps *m, const struct unwind_rule *all, uint32_t first,
			  uint32_t until)
{
	int err = shared_extend(&m->rules, until * sizeof(*all));

	if (!err)
		memcpy((struct unwind_rule *)m->rules.at + first, all + first,
		       (until - first) * sizeof(*all));
	return err;
}

uint64_t unwind_maps_bytes(const struct unwind_maps *m)
{
	return m->table_bytes;
}

/* One call, and so one grace period, for all; array-of-maps have known batches since 5.14. */
int unwind_maps_flush(struct unwind_maps *m)
{
	uint32_t n = m->npending;
	int err = 0;

	if (n > 1 && !bpf_map_update_batch(m->fds.tables, m->pending, m->pending_fds, &n, NULL))
		m->npending = 0;
	while (m->npending) {
		m->npending--;
		if (bpf_map_update_elem(m->fds.tables, &m->pending[m->npending],
					&m->pending_fds[m->npending], BPF_ANY))
			err = -errno;
	}
	return err;
}

/* What stands in the place of a table that was given back: taking it out would wait for a grace
 * period each time, and there is no batch of that. */
static int none_fd(struct unwind_maps *m)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);

	if (m->none_fd < 0)
		m->none_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "bd_none", sizeof(uint32_t),
					    sizeof(struct unwind_value), 1, &options);
	return m->none_fd;
}

static void pending_add(struct unwind_maps *m, uint32_t module, int fd)
{
	if (m->npending == PENDING_MAX)
		unwind_maps_flush(m);
	m->pending[m->npending] = module;
	m->pending_fds[m->npending++] = (uint32_t)fd;
}

void unwind_maps_drop_table(struct unwind_maps *m, uint32_t module)
{
	if (!m->tables[module])
		return;
	for (uint32_t i = 0; i < m->npending; i++)
		if (m->pending[i] == module)
			unwind_maps_flush(m);
	if (none_fd(m) >= 0)
		pending_add(m, module, m->none_fd);
	else
		bpf_map_delete_elem(m->fds.tables, &module);
	table_close(m, module);
}

/* One that has exactly these values, or NULL. */
static struct shared_table *table_find(struct unwind_maps *m, const struct unwind_value *values,
				       uint32_t count)
{
	for (uint32_t i = 0; i < m->ntables; i++) {
		struct shared_table *table = m->tables[i];

		if (table && table->count == count &&
		    !memcmp(table->values, values, (size_t)count * sizeof(*values)))
			return table;
	}
	return NULL;
}

static int table_new(struct shared_table **ret, const struct unwind_value *values, uint32_t count)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	size_t bytes = (size_t)count * sizeof(*values);
	struct shared_table *table = calloc(1, sizeof(*table));
	int err;

	if (!table)
		return -ENOMEM;
	table->count = count;
	table->fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "bd_table", sizeof(uint32_t), sizeof(*values),
				   count, &options);
	table->values = table->fd < 0 ? NULL : map_fd(table->fd, bytes);
	if (!table->values) {
		err = -errno;
		if (table->fd >= 0)
			close(table->fd);
		free(table);
		return err;
	}
	memcpy(table->values, values, bytes);
	*ret = table;
	return 0;
}

int unwind_maps_set_table(struct unwind_maps *m, uint32_t module, const struct unwind_value *values,
			  uint32_t count, const struct unwind_value **ret_values)
{
	struct shared_table *table = table_find(m, values, count);

	if (module >= BD_MODULES_MAX)
		return -ENOSPC;
	if (!table) {
		int err = table_new(&table, values, count);

		if (err)
			return err;
		m->table_bytes += (uint64_t)count * sizeof(*values);
	}
	table->modules++;
	unwind_maps_drop_table(m, module);
	m->tables[module] = table;
	if (m->ntables <= module)
		m->ntables = module + 1;
	*ret_values = table->values;
	pending_add(m, module, table->fd);
	return 0;
}

/* --- processes: bpf/walk.bpf.h reads them, see process_find() and mapping_find() there */
static struct bd_process *process_slot(struct unwind_maps *m, uint32_t tgid, bool make)
{
	uint32_t first = tgid * 0x9e3779b1U >> 12;
	struct bd_process *empty = NULL;

	for (uint32_t i = 0; i < BD_PROBES; i++) {
		struct bd_process *p = &m->processes[(first + i) & (m->fds.nprocesses - 1)];

		if (p->tgid == tgid)
			return p;
		if (!p->tgid && !empty)
			empty = p;
	}
	return make ? empty : NULL;
}

static void change_begin(struct bd_process *p)
{
	__atomic_fetch_add(&p->version, 1, __ATOMIC_ACQ_REL);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void change_end(struct bd_process *p)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_fetch_add(&p->version, 1, __ATOMIC_RELEASE);
}

static void chunks_give_back(struct unwind_maps *m, struct bd_process *p)
{
	while (p->nchunks)
		m->free_chunks[m->nfree++] = p->chunk[--p->nchunks];
}

/* What it gives back was in use, so what may be new to us lies on top of the free ones. */
static int chunks_reach(struct unwind_maps *m, size_t need)
{
	int err = 0;

	for (size_t i = 0; i < need && i < m->nfree && !err; i++)
		err = shared_extend(&m->chunks, (m->free_chunks[m->nfree - 1 - i] + 1) *
							sizeof(struct bd_mapping_chunk));
	return err;
}

static void chunks_fill(struct unwind_maps *m, struct bd_process *p,
			const struct bd_mapping *mappings, size_t n)
{
	for (size_t at = 0; at < n; at += BD_MAPPINGS) {
		struct bd_mapping_chunk *chunk;
		size_t some = n - at < BD_MAPPINGS ? n - at : BD_MAPPINGS;

		p->chunk[p->nchunks] = m->free_chunks[--m->nfree];
		p->start[p->nchunks] = mappings[at].start;
		chunk = (struct bd_mapping_chunk *)m->chunks.at + p->chunk[p->nchunks++];
		memcpy(chunk->mappings, mappings + at, some * sizeof(*mappings));
		for (size_t i = some; i < BD_MAPPINGS; i++)
			chunk->mappings[i] = (struct bd_mapping){ .start = NEVER };
	}
	for (size_t i = p->nchunks; i < BD_MAPPING_CHUNKS; i++)
		p->start[i] = NEVER;
}

int unwind_maps_publish(struct unwind_maps *m, uint32_t tgid, uint32_t exec_id,
			const struct bd_mapping *mappings, size_t n, bool certain)
{
	size_t need = (n + BD_MAPPINGS - 1) / BD_MAPPINGS;
	struct bd_process *p = process_slot(m, tgid, true);

	if (!p || !n || need > BD_MAPPING_CHUNKS || need > m->nfree + p->nchunks ||
	    chunks_reach(m, need)) {
		unwind_maps_forget(m, tgid);
		return -ENOSPC;
	}
	change_begin(p);
	chunks_give_back(m, p);
	p->exec_id = exec_id;
	p->certain = certain;
	chunks_fill(m, p, mappings, n);
	p->tgid = tgid;
	change_end(p);
	return 0;
}

void unwind_maps_forget(struct unwind_maps *m, uint32_t tgid)
{
	struct bd_process *p = process_slot(m, tgid, false);

	if (!p)
		return;
	change_begin(p);
	chunks_give_back(m, p);
	p->tgid = 0;
	change_end(p);
}
