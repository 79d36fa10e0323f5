// SPDX-License-Identifier: BSD-2-Clause
/* Names in the reader child: addresses of a file in, records out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/symbols/elf_names.h"
#include "user/lib/symbols/perf_map.h"
#include "user/lib/symbols/symbol_text.h"
#include "user/reader/reader_child.h"

#define LINES_NS 2500000000LL /* for a request; half of the tool's patience */

static struct reader_record record_of(size_t index, const struct elf_names_frame *f)
{
	return (struct reader_record){
		.start = f->start,
		.index = (uint32_t)index,
		.line = f->line,
		.name_len = (uint16_t)strlen(f->name),
		.symbol_len = (uint16_t)strlen(f->symbol),
		.file_len = (uint16_t)strlen(f->file),
		.flags = f->inlined ? READER_RECORD_INLINED : 0,
	};
}

/* The frames of one address, in one packet: so the tool knows where it is when the child dies. */
static int put_frames(void *arg, size_t index, const struct elf_names_frame *frames, int n)
{
	struct reader_job *job = arg;
	size_t bytes = 0;
	char *p;

	_Static_assert(ELF_NAMES_TEXT_MAX +
				       ELF_NAMES_FRAMES_MAX * (sizeof(struct reader_record) + 10) <=
			       sizeof(job->payload),
		       "the frames of an address fit a packet");
	for (int i = 0; i < n; i++) {
		const struct reader_record r = record_of(index, &frames[i]);

		bytes += reader_record_bytes(&r);
	}
	p = reader_job_room(job, (uint32_t)bytes);
	if (!p)
		return -EPIPE;
	memset(p, 0, bytes);
	for (int i = 0; i < n; i++) {
		const struct reader_record r = record_of(index, &frames[i]);
		char *text = p + sizeof(r);

		memcpy(p, &r, sizeof(r));
		memcpy(text, frames[i].name, r.name_len);
		text += r.name_len + 1;
		memcpy(text, frames[i].symbol, r.symbol_len);
		text += r.symbol_len + 1;
		memcpy(text, frames[i].file, r.file_len);
		p += reader_record_bytes(&r);
	}
	return 0;
}

static int64_t lines_until(const struct reader_request *q)
{
	struct timespec t;

	if (!(q->flags & READER_LINES))
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec + LINES_NS;
}

static int serve_elf(struct reader_job *job)
{
	const struct reader_request *q = job->request;
	struct elf_names_files files = {.fd = job->fd, .size = (uint64_t)job->st.st_size};
	struct elf_image e;
	int err = elf_image_open(&e, files.fd, files.size);

	if (err < 0)
		return err;
	reader_child_open_debug(&q->where, &e, &files.debug_fd, &files.debug_size, &files.alt_fd);
	elf_image_release(&e);
	err = elf_names_find(&files, lines_until(q), q->addresses, q->n, put_frames, job);
	if (files.debug_fd >= 0)
		close(files.debug_fd);
	if (files.alt_fd >= 0)
		close(files.alt_fd);
	return err;
}

static int serve_perf_map(struct reader_job *job)
{
	const struct reader_request *q = job->request;
	struct perf_map_symbol *found = calloc(q->n + 1, sizeof(*found));
	char name[PERF_MAP_NAME_MAX + 1];
	int err;

	if (!found)
		return -ENOMEM;
	err = perf_map_find(job->fd, q->addresses, q->n, found);
	for (uint32_t i = 0; i < q->n && err >= 0; i++) {
		int n = found[i].name_len ? perf_map_name(job->fd, &found[i], name, sizeof(name))
					  : 0;
		const struct elf_names_frame frame = {
			.start = found[i].start, .name = name, .symbol = "", .file = ""};

		if (n <= 0)
			continue;
		symbol_text_clean(name, (size_t)n);
		err = put_frames(job, i, &frame, 1);
	}
	free(found);
	return err < 0 ? err : 0;
}

enum reader_reason reader_serve_symbols(struct reader_job *job)
{
	static int (*const serve[READER_FILE_KIND_N])(struct reader_job *) = {
		[READER_ELF] = serve_elf,
		[READER_PERF_MAP] = serve_perf_map,
	};
	int err = serve[job->request->where.kind](job);

	return err < 0 ? reader_child_reason(err) : READER_NONE;
}
