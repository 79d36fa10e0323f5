/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding the control group that the user names. */
#ifndef BD_CGROUP_H
#define BD_CGROUP_H

#include <stddef.h>
#include <stdint.h>

struct cgroup_id {
	uint64_t id; /* inode of its directory */
	int ssid;    /* index of the v1 controller in the kernel, -1 for v2 */
};

/*
 * `path`: a directory below a mounted hierarchy, or its path within one ("/system.slice/x.service").
 * 0, or -errno and one line in `error`.
 */
int cgroup_find(const char *path, struct cgroup_id *ret, char *error, size_t size);

#endif
