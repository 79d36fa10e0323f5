// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/naming.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/common/clock.h"
#include "user/lib/base/array.h"
#include "user/lib/symbols/kallsyms.h"

#define NAMES_NS 5000000000LL /* no report waits longer for names */
#define MARKS_MAX 32

struct naming_mark {
	const char *reason;
	uint32_t row;
};

/* Locations of one module, in the order of their addresses. */
struct batch {
	struct naming *naming;
	struct report *report;
	const struct stack_table *stacks;
	const struct module *module;
	int32_t module_row;
	size_t n;
	const uint32_t *locations;
	const uint64_t *addresses;
	uint32_t kind;
	int err;
};

/* Adds a frame to a location; frames of one location come one after the other. */
static void frame_add(struct batch *b, uint32_t location, const char *name, const char *symbol,
		      uint32_t kind, const char *file, uint32_t line, uint64_t offset)
{
	struct report_frames *frames = &b->report->frames;
	struct naming *n = b->naming;
	int64_t row = report_frames_add(frames);

	if (row < 0 || array_reserve((void **)&n->rows, &n->cap_rows, n->nrows, 1,
				     sizeof(*n->rows))) {
		b->err = -ENOMEM;
		return;
	}
	frames->name[row] = report_intern(b->report, name);
	frames->symbol[row] = report_intern(b->report, symbol);
	frames->file[row] = report_intern(b->report, file);
	frames->module[row] = b->module_row;
	frames->offset[row] = offset;
	frames->line[row] = line;
	frames->kind[row] = kind;
	if (!n->count[location])
		n->first[location] = n->nrows;
	n->rows[n->nrows++] = row;
	n->count[location]++;
}

static void on_symbol(void *arg, const struct reader_symbol *s)
{
	struct batch *b = arg;

	frame_add(b, b->locations[s->index], s->name, s->symbol,
		  s->inlined ? report_intern(b->report, "inlined") : b->kind, s->file, s->line,
		  b->addresses[s->index]);
}

/* What has no name is `module+0xOFFSET`. */
static void name_rest(struct batch *b)
{
	const char *path = b->module->path, *base = strrchr(path, '/');
	char name[512];

	for (size_t i = 0; i < b->n && !b->err; i++) {
		if (b->naming->count[b->locations[i]])
			continue;
		snprintf(name, sizeof(name), "%.400s+0x%" PRIx64, base ? base + 1 : path,
			 b->addresses[i]);
		frame_add(b, b->locations[i], name, "", b->kind, "", 0, b->addresses[i]);
	}
}

static int64_t module_row(struct report *r, const char *path, const struct reader_file *file)
{
	char hex[2 * ELF_BUILD_ID_MAX + 1] = "";
	int64_t row = report_modules_add(&r->modules);

	if (row < 0)
		return row;
	for (uint32_t i = 0; file && i < file->build_id_size; i++)
		snprintf(hex + 2 * i, 3, "%02x", file->build_id[i]);
	r->modules.path[row] = report_intern(r, path);
	r->modules.build_id[row] = report_intern(r, hex);
	return row;
}

static void name_module(struct batch *b, struct process_table *processes)
{
	const struct module *m = b->module;
	int64_t row = module_row(b->report, m->path, m->open ? &m->file : NULL);

	if (row < 0) {
		b->err = row;
		return;
	}
	b->module_row = row;
	b->kind = report_intern(b->report, m->kind == MODULE_JIT ? "jit" : "native");
	if (m->open && reader_symbols(processes->reader, m->file.id, b->addresses, b->n, on_symbol, b))
		b->naming->unnamed_files++;
	name_rest(b);
}

/* --- the kernel */
struct kernel_module {
	const char *name;
	int32_t row;
};

static int32_t kernel_module_row(struct report *r, struct kernel_module *known, size_t *n, size_t max,
				 const char *name)
{
	char path[80] = "[kernel]";

	for (size_t i = 0; i < *n; i++)
		if (known[i].name == name || (name && known[i].name && !strcmp(known[i].name, name)))
			return known[i].row;
	if (name)
		snprintf(path, sizeof(path), "[%.64s]", name);
	int32_t row = module_row(r, path, NULL);

	if (*n < max)
		known[(*n)++] = (struct kernel_module){ name, row };
	return row;
}

/* A row a function: what is in the kernel can't be named better later, and no address leaks. */
static void name_kernel(struct batch *b)
{
	struct kernel_module known[256];
	struct kallsyms *symbols = NULL;
	struct idmap by_start = { 0 };
	size_t nknown = 0;
	int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		kallsyms_read(fd, &symbols);
		close(fd);
	}
	b->kind = report_intern(b->report, "kernel");
	for (size_t i = 0; i < b->n && !b->err; i++) {
		struct kallsyms_symbol s = { .name = "[kernel]" };
		uint32_t location = b->locations[i];

		if (symbols)
			kallsyms_find(symbols, b->addresses[i], &s);
		uint32_t same = idmap_get(&by_start, s.start);

		if (same != IDMAP_NONE) {
			b->naming->first[location] = same;
			b->naming->count[location] = 1;
			continue;
		}
		b->module_row = kernel_module_row(b->report, known, &nknown, 256, s.module);
		frame_add(b, location, s.name, "", b->kind, "", 0, 0);
		if (idmap_set(&by_start, s.start, b->naming->first[location]))
			b->err = -ENOMEM;
	}
	idmap_release(&by_start);
	kallsyms_free(symbols);
}

/* --- all of them */
static int by_place(const void *a, const void *b, void *arg)
{
	const struct stack_table *stacks = arg;
	const struct location *x = &stacks->locations[*(const uint32_t *)a];
	const struct location *y = &stacks->locations[*(const uint32_t *)b];

	if (x->module != y->module)
		return x->module < y->module ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* The location that stands for the middle of a stack that is too deep. */
static int name_gap(struct naming *n, struct report *r, uint32_t location)
{
	int64_t row = naming_mark(n, r, unwind_reason_name(UNWIND_TOO_DEEP));

	if (row < 0 ||
	    array_reserve((void **)&n->rows, &n->cap_rows, n->nrows, 1, sizeof(*n->rows)))
		return -ENOMEM;
	n->first[location] = n->nrows;
	n->count[location] = 1;
	n->rows[n->nrows++] = row;
	return 0;
}

static int name_batches(struct naming *n, struct report *r, const struct stack_table *stacks,
			struct process_table *processes, const uint32_t *order,
			const uint64_t *addresses)
{
	for (size_t i = 0, end; i < n->nlocations; i = end) {
		uint32_t module = stacks->locations[order[i]].module;

		for (end = i; end < n->nlocations && stacks->locations[order[end]].module == module;)
			end++;
		if (module == LOCATION_CUT) {
			int err = name_gap(n, r, order[i]);

			if (err)
				return err;
			continue;
		}
		struct batch batch = {
			.naming = n,
			.report = r,
			.stacks = stacks,
			.module = &processes->modules[module],
			.n = end - i,
			.locations = order + i,
			.addresses = addresses + i,
		};

		if (batch.module->kind == MODULE_KERNEL)
			name_kernel(&batch);
		else
			name_module(&batch, processes);
		if (batch.err)
			return batch.err;
	}
	return 0;
}

int naming_run(struct naming *n, struct report *r, const struct stack_table *stacks,
	       struct process_table *processes, uint64_t most_ns)
{
	size_t count = stacks->nlocations ? stacks->nlocations : 1;
	uint32_t *order = malloc(count * sizeof(*order));
	uint64_t *addresses = malloc(count * sizeof(*addresses));
	int err = -ENOMEM;

	*n = (struct naming){
		.nlocations = stacks->nlocations,
		.first = calloc(count, sizeof(*n->first)),
		.count = calloc(count, sizeof(*n->count)),
		.marks = calloc(MARKS_MAX, sizeof(*n->marks)),
	};
	if (!order || !addresses || !n->first || !n->count || !n->marks)
		goto out;
	for (uint32_t i = 0; i < stacks->nlocations; i++)
		order[i] = i;
	qsort_r(order, stacks->nlocations, sizeof(*order), by_place, (void *)stacks);
	for (size_t i = 0; i < stacks->nlocations; i++)
		addresses[i] = stacks->locations[order[i]].address;
	reader_set_deadline(processes->reader, (int64_t)clock_monotonic_ns() +
							  (most_ns ? most_ns : NAMES_NS));
	err = name_batches(n, r, stacks, processes, order, addresses);
	/* What is opened from now on, for its unwind table, has nothing to do with this report. */
	reader_set_deadline(processes->reader, 0);
out:
	free(order);
	free(addresses);
	return err;
}

void naming_release(struct naming *n)
{
	free(n->first);
	free(n->count);
	free(n->rows);
	free(n->marks);
	*n = (struct naming){ 0 };
}

int64_t naming_mark(struct naming *n, struct report *r, const char *reason)
{
	char name[96];
	size_t i = 0;

	while (i < MARKS_MAX - 1 && n->marks[i].reason && strcmp(n->marks[i].reason, reason))
		i++;
	if (n->marks[i].reason)
		return n->marks[i].row;
	int64_t row = report_frames_add(&r->frames);

	if (row < 0)
		return row;
	snprintf(name, sizeof(name), "[unwind: %s]", reason);
	r->frames.name[row] = report_intern(r, name);
	r->frames.kind[row] = report_intern(r, "cut");
	r->frames.module[row] = -1;
	n->marks[i] = (struct naming_mark){ reason, row };
	return row;
}
