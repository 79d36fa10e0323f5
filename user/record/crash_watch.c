// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/crash_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "user/lib/base/array.h"
#include "user/lib/base/idmap.h"

struct entry {
	uint32_t tgid;
	uint32_t exec_id; /* for which there are tables, */
	bool ready;	  /* if there are */
	bool wanted;
	struct bd_crash_watch told;
};

struct crash_watch {
	struct crash_map_fds fds;
	size_t n, cap;
	struct entry *entries;
	struct idmap by_tgid;
	uint64_t left_out;
};

int crash_watch_new(struct crash_watch **ret, const struct crash_map_fds *fds)
{
	struct crash_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->fds = *fds;
	*ret = w;
	return 0;
}

void crash_watch_free(struct crash_watch *w)
{
	if (!w)
		return;
	free(w->entries);
	idmap_release(&w->by_tgid);
	free(w);
}

int crash_watch_statuses(struct crash_watch *w, uint32_t section, const uint64_t bits[4])
{
	struct bd_crash_statuses set;

	if (section >= BD_CRASH_SECTIONS)
		return -EINVAL;
	memcpy(set.bits, bits, sizeof(set.bits));
	return bpf_map_update_elem(w->fds.statuses, &section, &set, BPF_ANY) ? -errno : 0;
}

void crash_watch_begin(struct crash_watch *w)
{
	for (size_t i = 0; i < w->n; i++)
		w->entries[i].wanted = false;
}

static struct entry *find(const struct crash_watch *w, uint32_t tgid)
{
	uint32_t found = idmap_get(&w->by_tgid, tgid);

	return found == IDMAP_NONE ? NULL : &w->entries[found];
}

void crash_watch_add(struct crash_watch *w, uint32_t tgid, enum bd_crash_mode mode,
		     uint32_t section)
{
	const struct bd_crash_watch watch = { mode, section };
	struct entry *e = find(w, tgid);

	if (e && !memcmp(&e->told, &watch, sizeof(watch))) {
		e->wanted = true;
		return;
	}
	if (bpf_map_update_elem(w->fds.watch, &tgid, &watch, BPF_ANY)) {
		w->left_out++;
		return;
	}
	if (!e) {
		if (array_reserve((void **)&w->entries, &w->cap, w->n, 1, sizeof(*e)) ||
		    idmap_set(&w->by_tgid, tgid, w->n))
			return;
		e = &w->entries[w->n++];
		*e = (struct entry){ .tgid = tgid };
	}
	e->told = watch;
	e->wanted = true;
}

bool crash_watch_is_ready(const struct crash_watch *w, uint32_t tgid, uint32_t exec_id)
{
	const struct entry *e = find(w, tgid);

	return e && e->ready && e->exec_id == exec_id;
}

void crash_watch_set_ready(struct crash_watch *w, uint32_t tgid, uint32_t exec_id)
{
	struct entry *e = find(w, tgid);

	if (!e)
		return;
	e->ready = true;
	e->exec_id = exec_id;
}

void crash_watch_end(struct crash_watch *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++) {
		if (w->entries[i].wanted)
			w->entries[kept++] = w->entries[i];
		else
			bpf_map_delete_elem(w->fds.watch, &w->entries[i].tgid);
	}
	if (kept == w->n)
		return;
	w->n = kept;
	idmap_release(&w->by_tgid);
	for (size_t i = 0; i < w->n; i++)
		idmap_set(&w->by_tgid, w->entries[i].tgid, i);
}

uint64_t crash_watch_left_out(const struct crash_watch *w)
{
	return w->left_out;
}
