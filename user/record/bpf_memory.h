/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BD_BPF_MEMORY_H
#define BD_BPF_MEMORY_H

#include <stdint.h>

struct bpf_object;

/* Bytes that the kernel says a map takes; 0 where it doesn't say. */
uint64_t bpf_map_memory(int fd);
/* Of all maps of an object that were made. */
uint64_t bpf_object_memory(const struct bpf_object *object);

#endif
