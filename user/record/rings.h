/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring buffers: one for each few CPUs, since a single one drops samples under contention. */
#ifndef BD_RINGS_H
#define BD_RINGS_H

#include <stddef.h>
#include <bpf/libbpf.h>
#include "bpf/abi.h"

struct rings {
	unsigned n;
	int fd[BD_RINGS_MAX];
	struct ring_buffer *reader; /* of all of them */
};

/* How many, a power of two and at least two: a CPU's is its number >> *ret_shift, modulo that. */
unsigned rings_layout(unsigned ncpus, __u32 *ret_shift);
/* Makes n of `bytes` and puts them into the array of maps `array_fd`. 0 or -errno. */
int rings_open(struct rings *r, int array_fd, unsigned n, size_t bytes, ring_buffer_sample_fn fn,
	       void *arg);
void rings_release(struct rings *r);

#endif
