/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of CPUs as /sys writes them: "0-3,8". */
#ifndef BD_CPU_LIST_H
#define BD_CPU_LIST_H

#include <stdbool.h>

/* CPUs in /sys/devices/system/cpu/NAME ("online", "possible"): fills set[0..max). Count or -errno. */
int cpu_list(const char *name, bool *set, unsigned max);
/* Number of the highest possible CPU + 1. */
unsigned cpu_possible(void);

#endif
