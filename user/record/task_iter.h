/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads what the task iterator writes: a record a thread, in one pass over all of them. */
#ifndef BD_TASK_ITER_H
#define BD_TASK_ITER_H

#include <stdint.h>
#include "bpf/abi.h"

/* `waits` and `chunk` are NULL for a thread without a time line. */
typedef void task_iter_fn(void *arg, const struct bd_task *task, const struct bd_waits *waits,
			  const struct bd_chunk *chunk);

/* `link_fd`: of the attached iterator program. 0 or -errno. */
int task_iter_read(int link_fd, task_iter_fn *fn, void *arg);
/* A thread of a process, by its number in the tool's own /proc. 0, -ESRCH, -errno. */
int task_iter_find(int link_fd, uint32_t ns_tgid, struct bd_task *ret);

#endif
