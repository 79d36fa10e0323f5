// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/rings.h"

#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define CPUS_PER_RING 4

unsigned rings_layout(unsigned ncpus, __u32 *ret_shift)
{
	unsigned shift = 0, rings = 2;

	while ((CPUS_PER_RING >> shift) > 1 && (ncpus >> shift) > 2)
		shift++;
	while (rings < BD_RINGS_MAX && (rings << shift) < ncpus)
		rings *= 2;
	*ret_shift = shift;
	return rings;
}

int rings_open(struct rings *r, int array_fd, unsigned n, size_t bytes, ring_buffer_sample_fn fn,
	       void *arg)
{
	for (unsigned i = 0; i < n; i++) {
		int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "bd_ring", 0, 0, bytes, NULL);

		if (fd < 0)
			return -errno;
		r->fd[r->n++] = fd;
		if (bpf_map_update_elem(array_fd, &i, &fd, BPF_ANY))
			return -errno;
		if (r->reader) {
			int err = ring_buffer__add(r->reader, fd, fn, arg);

			if (err)
				return err;
		} else {
			r->reader = ring_buffer__new(fd, fn, arg, NULL);
			if (!r->reader)
				return -errno;
		}
	}
	return 0;
}

void rings_release(struct rings *r)
{
	ring_buffer__free(r->reader);
	while (r->n)
		close(r->fd[--r->n]);
	r->reader = NULL;
}
