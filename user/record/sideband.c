// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/sideband.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "user/common/cpu_list.h"
#include "user/record/perf_event.h"

#define RING_PAGES 64
#define RECORD_MAX 65536 /* perf's record sizes are 16 bits */

struct sideband {
	unsigned ncpus;
	size_t page;
	struct sideband_ring {
		int fd;
		struct perf_event_mmap_page *map;
		bool gone; /* its CPU has been offline since it was opened */
	} *rings;
	bool *online;
	char *record; /* a record that wraps around, made whole */
};

static struct perf_event_attr attributes(void)
{
	return (struct perf_event_attr){
		.size = sizeof(struct perf_event_attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
		.wakeup_watermark = RING_PAGES * 4096 / 2,
	};
}

static void ring_close(struct sideband *s, unsigned cpu)
{
	struct sideband_ring *ring = &s->rings[cpu];

	if (ring->map)
		munmap(ring->map, (RING_PAGES + 1) * s->page);
	if (ring->fd >= 0)
		close(ring->fd);
	*ring = (struct sideband_ring){ .fd = -1 };
}

static int ring_open(struct sideband *s, unsigned cpu)
{
	struct perf_event_attr attr = attributes();
	struct sideband_ring *ring = &s->rings[cpu];

	ring->fd = perf_event_open(&attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->fd < 0)
		return -errno;
	void *map = mmap(NULL, (RING_PAGES + 1) * s->page, PROT_READ | PROT_WRITE, MAP_SHARED,
			 ring->fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	ring->map = map;
	return 0;
}

/* A ring whose CPU went away stays: what is in it is still to be read, and the CPU may come back. */
int sideband_refresh(struct sideband *s)
{
	int err = cpu_list("online", s->online, s->ncpus);

	for (unsigned cpu = 0; err >= 0 && cpu < s->ncpus; cpu++) {
		if (!s->online[cpu]) {
			s->rings[cpu].gone = true;
		} else if (s->rings[cpu].fd < 0 || s->rings[cpu].gone) {
			ring_close(s, cpu);
			err = ring_open(s, cpu);
			if (err == -ENODEV) /* gone again */
				err = 0;
		}
	}
	return err < 0 ? err : 0;
}

int sideband_new(struct sideband **ret)
{
	struct sideband *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (!s)
		return err;
	s->ncpus = cpu_possible();
	s->page = sysconf(_SC_PAGESIZE);
	s->record = malloc(RECORD_MAX);
	s->rings = calloc(s->ncpus, sizeof(*s->rings));
	s->online = calloc(s->ncpus, sizeof(*s->online));
	for (unsigned cpu = 0; s->rings && cpu < s->ncpus; cpu++)
		s->rings[cpu].fd = -1;
	if (s->record && s->rings && s->online)
		err = sideband_refresh(s);
	if (err) {
		sideband_free(s);
		return err;
	}
	*ret = s;
	return 0;
}

void sideband_free(struct sideband *s)
{
	if (!s)
		return;
	for (unsigned cpu = 0; s->rings && cpu < s->ncpus; cpu++)
		ring_close(s, cpu);
	free(s->rings);
	free(s->online);
	free(s->record);
	free(s);
}

uint64_t sideband_bytes(const struct sideband *s)
{
	uint64_t bytes = 0;

	for (unsigned cpu = 0; cpu < s->ncpus; cpu++)
		if (s->rings[cpu].map)
			bytes += (RING_PAGES + 1) * s->page;
	return bytes;
}

/* --- records: linux/perf_event.h, enum perf_event_type */
struct mmap2_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t maj, min;
	uint64_t ino, ino_generation;
	uint32_t prot, flags;
	char filename[];
};

struct comm_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	char comm[];
};

struct task_record {
	struct perf_event_header header;
	uint32_t pid, ppid, tid, ptid;
	uint64_t time;
};

struct lost_record {
	struct perf_event_header header;
	uint64_t id, lost;
};

/* With sample_id_all each record ends in these, in the order of the sample_type bits. */
struct trailer {
	uint32_t pid, tid;
	uint64_t time;
};

static void on_mmap2(const void *data, struct sideband_event *event)
{
	const struct mmap2_record *r = data;

	event->kind = SIDEBAND_MAPPING;
	event->pid = r->pid;
	event->tid = r->tid;
	event->start = r->addr;
	event->end = r->addr + r->len;
	event->offset = r->pgoff;
	event->dev_major = r->maj;
	event->dev_minor = r->min;
	event->inode = r->ino;
	event->name = r->filename;
}

static void on_comm(const void *data, struct sideband_event *event)
{
	const struct comm_record *r = data;

	event->kind = SIDEBAND_COMM;
	event->pid = r->pid;
	event->tid = r->tid;
	event->exec = r->header.misc & PERF_RECORD_MISC_COMM_EXEC;
	event->name = r->comm;
}

static void on_task(const void *data, struct sideband_event *event)
{
	const struct task_record *r = data;

	event->kind = r->header.type == PERF_RECORD_FORK ? SIDEBAND_FORK : SIDEBAND_EXIT;
	event->pid = r->pid;
	event->tid = r->tid;
	event->parent = r->ppid;
}

static void on_lost(const void *data, struct sideband_event *event)
{
	const struct lost_record *r = data;

	event->kind = SIDEBAND_LOST;
	event->lost = r->lost;
}

static const struct {
	uint32_t type;
	size_t least;
	void (*parse)(const void *data, struct sideband_event *event);
} parsers[] = {
	{ PERF_RECORD_MMAP2, sizeof(struct mmap2_record), on_mmap2 },
	{ PERF_RECORD_COMM, sizeof(struct comm_record), on_comm },
	{ PERF_RECORD_FORK, sizeof(struct task_record), on_task },
	{ PERF_RECORD_EXIT, sizeof(struct task_record), on_task },
	{ PERF_RECORD_LOST, sizeof(struct lost_record), on_lost },
};

static int dispatch(const struct perf_event_header *header, sideband_fn *fn, void *arg)
{
	struct sideband_event event = { .name = "" };
	const struct trailer *trailer = (const void *)((const char *)header + header->size) - 16;

	for (size_t i = 0; i < sizeof(parsers) / sizeof(*parsers); i++) {
		if (parsers[i].type != header->type)
			continue;
		if (header->size < parsers[i].least + sizeof(*trailer))
			return 0;
		event.t_ns = trailer->time;
		parsers[i].parse(header, &event);
		fn(arg, &event);
		return 1;
	}
	return 0;
}

static int ring_read(struct sideband *s, struct sideband_ring *ring, sideband_fn *fn, void *arg)
{
	const char *data = (const char *)ring->map + s->page;
	size_t size = RING_PAGES * s->page;
	uint64_t head = __atomic_load_n(&ring->map->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->map->data_tail;
	int n = 0;

	while (tail < head) {
		size_t at = tail % size;
		const struct perf_event_header *header = (const void *)(data + at);

		if (header->size < sizeof(*header))
			break;
		if (at + header->size > size) {
			size_t first = size - at;

			memcpy(s->record, data + at, first);
			memcpy(s->record + first, data, header->size - first);
			header = (const void *)s->record;
		}
		n += dispatch(header, fn, arg);
		tail += header->size;
	}
	__atomic_store_n(&ring->map->data_tail, tail, __ATOMIC_RELEASE);
	return n;
}

int sideband_read(struct sideband *s, sideband_fn *fn, void *arg)
{
	int n = 0;

	for (unsigned cpu = 0; cpu < s->ncpus; cpu++)
		if (s->rings[cpu].map)
			n += ring_read(s, &s->rings[cpu], fn, arg);
	return n;
}
