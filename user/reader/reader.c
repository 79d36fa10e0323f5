// SPDX-License-Identifier: BSD-2-Clause
#include "user/reader/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/reader/reader_entry.h"

#define OPEN_FILES_MAX 256 /* descriptors held; beyond, the oldest are opened again when asked for */

/* What reader_open() gets: the identity and a descriptor. */
struct opened {
	struct reader_identity id;
	int fd;
};

int reader_new(struct reader **ret)
{
	struct reader *r = calloc(1, sizeof(*r));
	int err = r ? reader_process_init(&r->process) : -ENOMEM;

	if (err == 0)
		r->request = calloc(1, READER_PACKET_MAX);
	if (err == 0 && !r->request)
		err = -ENOMEM;
	if (err == 0)
		err = reader_process_start(&r->process);
	if (err < 0) {
		reader_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

static void drop_fd(struct reader *r, struct entry *e)
{
	if (e->fd < 0)
		return;
	close(e->fd);
	e->fd = -1;
	r->open_files--;
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->n; i++) {
		drop_fd(r, &r->entries[i]);
		free((char *)(uintptr_t)r->entries[i].where.path);
	}
	reader_process_release(&r->process);
	free(r->entries);
	free(r->request);
	free(r);
}

int reader_fail(struct reader *r, enum reader_reason reason)
{
	if (reason != READER_NONE) {
		r->last = reason;
		r->reasons[reason]++;
	}
	return reader_reason_error(reason);
}

enum reader_reason reader_call(struct reader *r, const struct reader_open *where, int fd,
			       int64_t patience_ms, reader_payload_fn *fn, void *arg)
{
	int64_t now = reader_now_ns(), deadline = now + patience_ms * 1000000;
	bool cut = r->deadline_ns && r->deadline_ns < deadline;
	struct reader_where *w = &r->request->where;
	enum reader_reason reason;

	if (cut && r->deadline_ns <= now)
		return READER_NO_TIME;
	w->pid = where->pid;
	w->start = where->start;
	w->end = where->end;
	w->inode = where->inode;
	w->dev_major = where->dev_major;
	w->dev_minor = where->dev_minor;
	if (strlen(where->path) >= sizeof(w->path))
		return READER_GONE;
	strcpy(w->path, where->path);
	reason = reader_process_call(&r->process, r->request, fd, cut ? r->deadline_ns : deadline,
				     fn, arg);
	return reason == READER_TIMED_OUT && cut ? READER_NO_TIME : reason;
}

static uint64_t hash_path(const char *path)
{
	uint64_t h = 0xcbf29ce484222325; /* FNV-1a */

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 0x100000001b3;
	return h;
}

static struct bad_file *find_bad(struct reader *r, const struct reader_open *req)
{
	uint64_t hash = hash_path(req->path);

	for (int i = 0; i < READER_BAD_MAX; i++) {
		struct bad_file *b = &r->bad[i];

		if (b->reason && b->inode == req->inode && b->path_hash == hash &&
		    b->dev_major == req->dev_major && b->dev_minor == req->dev_minor)
			return b;
	}
	return NULL;
}

static void note_bad(struct reader *r, const struct reader_open *req, enum reader_reason reason)
{
	r->bad[r->next_bad++ % READER_BAD_MAX] = (struct bad_file){
		.inode = req->inode,
		.path_hash = hash_path(req->path),
		.dev_major = req->dev_major,
		.dev_minor = req->dev_minor,
		.reason = reason,
	};
}

static int take_identity(void *arg, const void *payload, size_t size, int fd)
{
	struct opened *o = arg;
	int err = reader_identity_check(payload, size, &o->id);

	if (err < 0 || o->fd >= 0) {
		if (fd >= 0)
			close(fd);
		return -EPROTO;
	}
	o->fd = fd;
	return 0;
}

static bool same_identity(const struct reader_identity *a, const struct reader_identity *b)
{
	return a->dev == b->dev && a->inode == b->inode && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* The entry of this file, or a free one, or a new one. NULL: no memory. */
static struct entry *find_entry(struct reader *r, uint32_t kind, const struct reader_identity *id)
{
	struct entry *free_one = NULL, *grown;

	for (uint32_t i = 0; i < r->n; i++) {
		struct entry *e = &r->entries[i];

		if (e->users == 0)
			free_one = e;
		/* A perf map grows while it is read, and is one file all the same. */
		else if (e->kind == kind &&
			 (kind == READER_PERF_MAP ? e->id.dev == id->dev && e->id.inode == id->inode
						  : same_identity(&e->id, id)))
			return e;
	}
	if (free_one)
		return free_one;
	if (r->n % 64 == 0) {
		grown = realloc(r->entries, (r->n + 64) * sizeof(*grown));
		if (!grown)
			return NULL;
		r->entries = grown;
	}
	r->entries[r->n] = (struct entry){.fd = -1};
	return &r->entries[r->n++];
}

static void make_room(struct reader *r)
{
	struct entry *oldest = NULL;

	if (r->open_files < OPEN_FILES_MAX)
		return;
	for (uint32_t i = 0; i < r->n; i++) {
		struct entry *e = &r->entries[i];

		/* What is in memory only can't be opened again. */
		if (e->fd >= 0 && *e->where.path == '/' &&
		    (!oldest || e->last_use < oldest->last_use))
			oldest = e;
	}
	if (oldest)
		drop_fd(r, oldest);
}

static void describe(const struct reader *r, const struct entry *e, struct reader_file *ret)
{
	*ret = (struct reader_file){
		.id = (uint32_t)(e - r->entries) + 1,
		.dev = e->id.dev,
		.inode = e->id.inode,
		.size = e->id.size,
		.mtime_ns = e->id.mtime_ns,
		.ctime_ns = e->id.ctime_ns,
		.machine = (uint16_t)e->id.machine,
		.is64 = e->id.is64,
		.build_id_size = e->id.build_id_size,
		.n_loads = e->id.n_loads,
	};
	memcpy(ret->build_id, e->id.build_id, sizeof(ret->build_id));
	memcpy(ret->loads, e->id.loads, sizeof(ret->loads));
}

static int remember(struct reader *r, const struct reader_open *req, uint32_t kind,
		    struct opened *o, struct reader_file *ret)
{
	struct entry *e;
	char *path;

	make_room(r);
	e = find_entry(r, kind, &o->id);
	path = e ? strdup(req->path) : NULL;
	if (!path) {
		if (o->fd >= 0)
			close(o->fd);
		return reader_fail(r, READER_MEMORY);
	}
	if (e->users == 0)
		*e = (struct entry){.fd = -1, .kind = kind};
	else
		free((char *)(uintptr_t)e->where.path);
	e->users++;
	e->last_use = ++r->clock;
	e->id = o->id;
	e->where = *req;
	e->where.path = path;
	if (o->fd >= 0) {
		drop_fd(r, e);
		e->fd = o->fd;
		r->open_files++;
	}
	describe(r, e, ret);
	return 0;
}

static int open_file(struct reader *r, const struct reader_open *req, uint32_t kind, int fd,
		     struct reader_file *ret)
{
	const struct bad_file *bad = find_bad(r, req);
	struct opened o = {.fd = -1};
	enum reader_reason reason;

	if (bad)
		return reader_fail(r, bad->reason);
	r->request->kind = READER_OPEN;
	r->request->n = 0;
	r->request->flags = 0;
	r->request->where.kind = kind;
	reason = reader_call(r, req, fd, READER_OPEN_MS, take_identity, &o);
	if (reader_is_files_fault(reason))
		note_bad(r, req, reason);
	if (reason == READER_NONE)
		return remember(r, req, kind, &o, ret);
	if (o.fd >= 0)
		close(o.fd);
	return reader_fail(r, reason);
}

int reader_open(struct reader *r, const struct reader_open *req, struct reader_file *ret)
{
	return open_file(r, req, READER_ELF, -1, ret);
}

int reader_open_perf_map(struct reader *r, int pid, int ns_pid, struct reader_file *ret)
{
	struct reader_open req = {.pid = pid};
	char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", ns_pid);
	req.path = path;
	return open_file(r, &req, READER_PERF_MAP, -1, ret);
}

int reader_open_image(struct reader *r, const char *name, const void *image, size_t size,
		      struct reader_file *ret)
{
	const struct reader_open req = {.path = name};
	int fd = memfd_create(name, MFD_CLOEXEC), err;

	if (fd < 0)
		return reader_fail(r, READER_MEMORY);
	err = write(fd, image, size) == (ssize_t)size ? open_file(r, &req, READER_ELF, fd, ret)
						      : reader_fail(r, READER_MEMORY);
	close(fd);
	return err;
}

struct entry *reader_entry(struct reader *r, uint32_t file)
{
	return file > 0 && file <= r->n && r->entries[file - 1].users > 0 ? &r->entries[file - 1]
									  : NULL;
}

void reader_close(struct reader *r, uint32_t file)
{
	struct entry *e = reader_entry(r, file);

	if (!e || --e->users > 0)
		return;
	drop_fd(r, e);
	free((char *)(uintptr_t)e->where.path);
	e->where.path = NULL;
}

bool reader_file_address(const struct reader_file *f, uint64_t offset, uint64_t *ret)
{
	for (uint32_t i = 0; i < f->n_loads; i++)
		if (offset - f->loads[i].offset < f->loads[i].size) {
			*ret = f->loads[i].vaddr + (offset - f->loads[i].offset);
			return true;
		}
	return false;
}

void reader_nice(struct reader *r, int nice)
{
	r->process.has_nice = true;
	r->process.nice = nice;
	if (r->process.ready)
		setpriority(PRIO_PROCESS, (id_t)r->process.pid, nice);
}

void reader_set_deadline(struct reader *r, int64_t monotonic_ns)
{
	r->deadline_ns = monotonic_ns;
}

const char *reader_last_reason(const struct reader *r)
{
	return reader_reason_text(r->last);
}

const uint64_t *reader_reasons(const struct reader *r)
{
	return r->reasons;
}

void reader_cost(struct reader *r, struct reader_cost *ret)
{
	reader_process_cost(&r->process, ret);
}

int reader_pid(const struct reader *r)
{
	return r->process.pid;
}
