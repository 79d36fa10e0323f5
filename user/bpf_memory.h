/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BD_BPF_MEMORY_H
#define BD_BPF_MEMORY_H

#include <stdint.h>

/* Bytes that the kernel says a map takes; 0 where it doesn't say. */
uint64_t bpf_map_memory(int fd);
/* Deletes all that is in a hash. */
void bpf_map_clear(int fd);

#endif
