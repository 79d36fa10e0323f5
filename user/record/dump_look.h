/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks at the threads of a living process, through the kernel's iterator over tasks (5.18 and
 * later): see bpf/dump.bpf.c.
 */
#ifndef BD_DUMP_LOOK_H
#define BD_DUMP_LOOK_H

#include <stdbool.h>
#include <stdint.h>
#include "bpf/abi.h"

struct bpf_program;
struct dump_look;

/* Does this kernel have what the program needs? */
bool dump_look_is_possible(void);
/* Of the collector's program and map, which outlive it. 0 or -errno. */
int dump_look_new(struct dump_look **ret, const struct bpf_program *program, int area_fd);
void dump_look_free(struct dump_look *d);
/*
 * Calls `fn` for each thread of the process, by the kernel's own number; what it is given is there
 * until it returns. 0 or -errno.
 */
int dump_look_take(struct dump_look *d, uint32_t tgid,
		   void (*fn)(void *arg, const struct bd_look *look), void *arg);

#endif
