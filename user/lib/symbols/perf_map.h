/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of JIT-compiled code from /tmp/perf-PID.map
 * (linux/tools/perf/Documentation/jit-interface.txt): a line is `START SIZE NAME`, both
 * hexadecimal. One pass; memory goes with the addresses asked for.
 */
#ifndef BD_PERF_MAP_H
#define BD_PERF_MAP_H

#include <stddef.h>
#include <stdint.h>

#define PERF_MAP_BYTES_MAX (64u << 20)
#define PERF_MAP_WORK_MAX (256u << 20) /* lines x addresses within them */
#define PERF_MAP_NAME_MAX 1023	       /* longer names are cut */

struct perf_map_symbol {
	uint64_t start, size;
	uint64_t name;	   /* where in the file */
	uint32_t name_len; /* 0: not found */
};

/*
 * Looks for `n` addresses in ascending order; `found` has `n` zeroed entries. Of several lines the
 * last one counts, as code is compiled anew in the same place. Lines that aren't such a line are
 * passed over. Returns how many are found; -EFBIG for more than PERF_MAP_BYTES_MAX, -E2BIG for too
 * much work, -EINVAL where the addresses aren't sorted, or the errno of reading.
 */
int perf_map_find(int fd, const uint64_t *addresses, size_t n, struct perf_map_symbol *found);
/* The name, cut to `size` - 1 bytes. Returns its length, or -errno. */
int perf_map_name(int fd, const struct perf_map_symbol *s, char *buf, size_t size);

#endif
