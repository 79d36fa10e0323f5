/* SPDX-License-Identifier: BSD-2-Clause */
/* Pressure stall information (PSI) of the machine or of a control group. */
#ifndef BD_PRESSURE_H
#define BD_PRESSURE_H

#include <stdint.h>

/* us, since boot or since the group was made, that some thread waited for a CPU: the `total` of the
 * line `some`. 0 or -EINVAL. */
int pressure_parse(const char *text, uint64_t *ret_total_us);
/* The same of a file: /proc/pressure/cpu, or a group's cpu.pressure. -ENOENT, -EOPNOTSUPP where the
 * kernel has none. */
int pressure_read(const char *path, uint64_t *ret_total_us);

#endif
