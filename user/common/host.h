/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts about this machine, and the time that its CPUs spent outside of threads. */
#ifndef BD_HOST_H
#define BD_HOST_H

#include <stdint.h>
#include "user/lib/profile/report.h"

/* Fills r->host but for identity and label. 0 or -ENOMEM; what can't be found is "unknown". */
int host_facts(struct report *r);

/* Sums over all CPUs of /proc/stat. */
struct host_times {
	uint64_t steal_ns;
	uint64_t irq_ns; /* hard and soft */
	uint64_t idle_ns;
};
int host_times(struct host_times *ret);

/*
 * Is the option set in the running kernel's configuration? Where that can't be read: `otherwise`.
 */
int host_kernel_option(const char *name, int otherwise);

#endif
