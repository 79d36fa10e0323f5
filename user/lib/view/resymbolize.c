// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/view/resymbolize.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/lib/base/array.h"
#include "user/lib/symbols/elf_names.h"
#include "user/lib/view/symbol_dir.h"

/* A frame that is to be looked up. */
struct place {
	uint64_t address;
	uint32_t frame;
};

/* The functions that turned out to be inlined into a frame: rows of `inlined`, outermost first. */
struct chain {
	uint32_t first, n;
};

struct work {
	struct report *r;
	size_t n_frames;      /* before any was added */
	uint8_t *expanded;    /* for each frame: its inlined functions are known */
	struct chain *chains; /* for each frame */
	uint32_t *inlined;    /* frame rows */
	size_t n_inlined, cap_inlined;
	struct place *places; /* of the module at hand, ascending */
	uint64_t *addresses;
	size_t n_places;
	size_t changed;
	int err;
	resymbolize_fetch_fn *fetch;
	void *fetch_arg;
};

static int compare_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->frame < y->frame ? -1 : x->frame > y->frame;
}

/* Native frames whose inlined functions the report has already share module and address with them.
 */
static void collect(struct work *w, int32_t module, const char *kind, struct place *ret,
		    size_t *ret_n)
{
	const struct report_frames *f = &w->r->frames;

	*ret_n = 0;
	for (size_t i = 0; i < w->n_frames; i++)
		if (f->module[i] == module && strcmp(report_text(w->r, f->kind[i]), kind) == 0)
			ret[(*ret_n)++] = (struct place){f->offset[i], (uint32_t)i};
	qsort(ret, *ret_n, sizeof(*ret), compare_place);
}

static void mark_expanded(struct work *w, int32_t module)
{
	size_t n, k = 0;

	collect(w, module, "inlined", w->places, &n);
	/* One place is enough for each address. */
	for (size_t i = 0; i < n; i++)
		if (k == 0 || w->places[k - 1].address != w->places[i].address)
			w->places[k++] = w->places[i];
	for (size_t i = 0; i < w->n_frames && k; i++) {
		const struct place key = {.address = w->r->frames.offset[i]};
		size_t low = 0, left = k;

		if (w->r->frames.module[i] != module)
			continue;
		while (left > 0) {
			size_t half = left / 2;

			if (w->places[low + half].address < key.address) {
				low += half + 1;
				left -= half + 1;
			} else {
				left = half;
			}
		}
		w->expanded[i] = low < k && w->places[low].address == key.address;
	}
}

static int set_ref(struct work *w, uint32_t *column, const char *text)
{
	int64_t ref = report_intern(w->r, text);

	if (ref < 0)
		return (int)ref;
	*column = (uint32_t)ref;
	return 0;
}

static int fill(struct work *w, uint32_t row, const struct elf_names_frame *frame)
{
	struct report_frames *f = &w->r->frames;
	int err = set_ref(w, &f->name[row], frame->name);

	if (err == 0)
		err = set_ref(w, &f->symbol[row], frame->symbol);
	if (err == 0 && *frame->file)
		err = set_ref(w, &f->file[row], frame->file);
	if (frame->line)
		f->line[row] = frame->line;
	return err;
}

static int add_inlined(struct work *w, uint32_t native, const struct elf_names_frame *frame)
{
	struct report_frames *f = &w->r->frames;
	int64_t row = report_frames_add(f);
	int err;

	if (row < 0 || array_reserve((void **)&w->inlined, &w->cap_inlined, w->n_inlined, 1,
				     sizeof(*w->inlined)) < 0)
		return -ENOMEM;
	f->module[row] = f->module[native];
	f->offset[row] = f->offset[native];
	err = set_ref(w, &f->kind[row], "inlined");
	w->inlined[w->n_inlined++] = (uint32_t)row;
	return err ? err : fill(w, (uint32_t)row, frame);
}

static int on_names(void *arg, size_t index, const struct elf_names_frame *frames, int n)
{
	struct work *w = arg;
	const uint32_t row = w->places[index].frame;
	const struct report_frames *f = &w->r->frames;
	const uint32_t name = f->name[row], line = f->line[row];

	w->err = fill(w, row, &frames[n - 1]);
	w->chains[row] = (struct chain){(uint32_t)w->n_inlined, (uint32_t)n - 1};
	for (int i = n - 2; i >= 0 && w->err == 0; i--)
		w->err = add_inlined(w, row, &frames[i]);
	w->changed += f->name[row] != name || f->line[row] != line || n > 1;
	return w->err;
}

static int open_file(const char *path, uint64_t *ret_size)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		*ret_size = (uint64_t)st.st_size;
	return fd;
}

static int name_module(struct work *w, int32_t module, const struct symbol_dir_entry *entry)
{
	struct elf_names_files files = {.alt_fd = -1};
	size_t n, kept = 0;

	mark_expanded(w, module);
	collect(w, module, "native", w->places, &n);
	for (size_t i = 0; i < n; i++)
		if (!w->expanded[w->places[i].frame])
			w->places[kept++] = w->places[i];
	for (size_t i = 0; i < kept; i++)
		w->addresses[i] = w->places[i].address;
	files.fd = open_file(entry->program, &files.size);
	files.debug_fd = open_file(entry->debug, &files.debug_size);
	if (files.fd < 0) {
		/* A debug file alone knows as much. */
		files.fd = files.debug_fd;
		files.size = files.debug_size;
		files.debug_fd = -1;
	}
	if (files.fd >= 0 && kept)
		elf_names_find(&files, INT64_MAX, w->addresses, kept, on_names, w);
	if (files.fd >= 0)
		close(files.fd);
	if (files.debug_fd >= 0)
		close(files.debug_fd);
	return w->err;
}

/* The tree of stacks anew: below a frame stand the functions that are inlined into it. */
static int rebuild_stacks(struct work *w)
{
	struct report_stacks *s = &w->r->stacks;
	size_t n = s->n, total = 0, next = 0;
	int32_t *parent, *map = malloc((n + 1) * sizeof(*map));
	uint32_t *frame;

	for (size_t i = 0; i < n; i++)
		total += 1 + (s->frame[i] < w->n_frames ? w->chains[s->frame[i]].n : 0);
	parent = malloc((total + 1) * sizeof(*parent));
	frame = malloc((total + 1) * sizeof(*frame));
	if (!map || !parent || !frame || total > INT32_MAX)
		goto no_memory;
	for (size_t i = 0; i < n; i++) {
		const struct chain c = w->chains[s->frame[i]];

		parent[next] = s->parent[i] < 0 ? -1 : map[s->parent[i]];
		frame[next++] = s->frame[i];
		for (uint32_t k = 0; k < c.n; k++, next++) {
			parent[next] = (int32_t)next - 1;
			frame[next] = w->inlined[c.first + k];
		}
		map[i] = (int32_t)next - 1;
	}
	while (s->n < total)
		if (report_stacks_add(s) < 0)
			goto no_memory;
	memcpy(s->parent, parent, total * sizeof(*parent));
	memcpy(s->frame, frame, total * sizeof(*frame));
	for (size_t i = 0; i < w->r->samples.n; i++)
		if (w->r->samples.stack[i] >= 0)
			w->r->samples.stack[i] = map[w->r->samples.stack[i]];
	for (size_t i = 0; i < w->r->dump.threads.n; i++)
		if (w->r->dump.threads.stack[i] >= 0)
			w->r->dump.threads.stack[i] = map[w->r->dump.threads.stack[i]];
	free(map);
	free(parent);
	free(frame);
	return 0;
no_memory:
	free(map);
	free(parent);
	free(frame);
	return -ENOMEM;
}

static int name_modules(struct work *w, const char *dir, struct symbol_dir_entry *entries,
			struct resymbolize_result *result)
{
	size_t n = w->r->modules.n;
	int err;

	for (size_t i = 0; i < n; i++) {
		entries[i].build_id = report_text(w->r, w->r->modules.build_id[i]);
		result->modules += *entries[i].build_id != '\0';
	}
	err = dir ? symbol_dir_find(dir, entries, n) : 0;
	for (size_t i = 0; i < n && err == 0; i++) {
		if (!entries[i].program && !entries[i].debug && w->fetch && *entries[i].build_id &&
		    w->fetch(w->fetch_arg, entries[i].build_id, &entries[i].debug) != 0)
			entries[i].debug = NULL;
		if (!entries[i].program && !entries[i].debug)
			continue;
		result->found++;
		err = name_module(w, (int32_t)i, &entries[i]);
	}
	if (err == 0 && w->n_inlined)
		err = rebuild_stacks(w);
	result->frames = w->changed;
	return err;
}

int resymbolize(struct report *r, const char *dir, resymbolize_fetch_fn *fetch, void *arg,
		struct resymbolize_result *ret)
{
	struct work w = {.r = r, .n_frames = r->frames.n, .fetch = fetch, .fetch_arg = arg};
	struct symbol_dir_entry *entries = calloc(r->modules.n + 1, sizeof(*entries));
	struct resymbolize_result result = {0};
	int err = -ENOMEM;

	w.expanded = calloc(w.n_frames + 1, sizeof(*w.expanded));
	w.chains = calloc(w.n_frames + 1, sizeof(*w.chains));
	w.places = calloc(w.n_frames + 1, sizeof(*w.places));
	w.addresses = calloc(w.n_frames + 1, sizeof(*w.addresses));
	if (entries && w.expanded && w.chains && w.places && w.addresses)
		err = name_modules(&w, dir, entries, &result);
	for (size_t i = 0; entries && i < r->modules.n; i++) {
		free(entries[i].program);
		free(entries[i].debug);
	}
	free(entries);
	free(w.expanded);
	free(w.chains);
	free(w.inlined);
	free(w.places);
	free(w.addresses);
	if (err == 0)
		*ret = result;
	return err;
}
