// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/blockers.h"

#include <errno.h>
#include <stddef.h>

#include <bpf/bpf.h>

#define BATCH 256 /* more than fall into one bucket */

int blockers_take(int fd, const struct collector_sink *sink)
{
	struct bd_blocker_key keys[BATCH];
	struct bd_blocker values[BATCH];
	__u32 at, *from = NULL;
	int err;

	do {
		__u32 n = BATCH;

		err = bpf_map_lookup_and_delete_batch(fd, from, &at, keys, values, &n, NULL);
		for (__u32 i = 0; (!err || err == -ENOENT) && i < n; i++)
			sink->blocker(sink->arg, &keys[i], &values[i]);
		from = &at;
	} while (!err);
	return err == -ENOENT ? 0 : err;
}
