// SPDX-License-Identifier: BSD-2-Clause
#include "user/common/cgroup.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <bpf/btf.h>

#include "user/common/kernel_btf.h"

/* Index of a controller in the running kernel: enum cgroup_subsys_id. */
static int controller_index(const struct btf *btf, const char *controller)
{
	char want[64];

	snprintf(want, sizeof(want), "%s_cgrp_id",
		 !strcmp(controller, "blkio") ? "io" : controller);
	return kernel_enum_value(btf, "cgroup_subsys_id", want);
}

/* The options of the mounted file system `dev` as /proc/self/mountinfo has them. */
static int mount_options(dev_t dev, char *ret, size_t size)
{
	char *line = NULL;
	size_t cap = 0;
	int err = -ENOENT;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	while (f && err && getline(&line, &cap, f) > 0) {
		unsigned major_no, minor_no;
		char *dash = strstr(line, " - "), *options = strrchr(line, ' ');

		if (!dash || sscanf(line, "%*d %*d %u:%u", &major_no, &minor_no) != 2 ||
		    makedev(major_no, minor_no) != dev)
			continue;
		options[strcspn(options, "\n")] = '\0';
		snprintf(ret, size, "%s", options + 1);
		err = 0;
	}
	free(line);
	if (f)
		fclose(f);
	return err;
}

static int controller_of(dev_t dev)
{
	char options[512], *save = NULL;
	struct btf *btf;
	int index = mount_options(dev, options, sizeof(options));

	if (index)
		return index;
	btf = btf__load_vmlinux_btf();
	if (!btf)
		return -errno;
	index = -ENOENT;
	for (char *o = strtok_r(options, ",", &save); o && index < 0; o = strtok_r(NULL, ",", &save))
		index = controller_index(btf, o);
	btf__free(btf);
	return index;
}

int cgroup_find(const char *path, struct cgroup_id *ret, char *error, size_t size)
{
	static const char *const roots[] = { "", "/sys/fs/cgroup/", "/sys/fs/cgroup/unified/",
					     "/sys/fs/cgroup/cpu/", "/sys/fs/cgroup/systemd/" };
	char full[4096];
	struct statfs fs;
	struct stat st;

	for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
		snprintf(full, sizeof(full), "%s%s", roots[i], path);
		if (statfs(full, &fs) || stat(full, &st) || !S_ISDIR(st.st_mode) ||
		    (fs.f_type != CGROUP2_SUPER_MAGIC && fs.f_type != CGROUP_SUPER_MAGIC))
			continue;
		ret->id = st.st_ino;
		ret->ssid = fs.f_type == CGROUP2_SUPER_MAGIC ? -1 : controller_of(st.st_dev);
		if (fs.f_type == CGROUP2_SUPER_MAGIC || ret->ssid >= 0)
			return 0;
		snprintf(error, size,
			 "%s: this cgroup v1 hierarchy has no controller; name one below cpu, memory or pids",
			 full);
		return -EINVAL;
	}
	snprintf(error, size,
		 "%s: no such control group; give its directory below /sys/fs/cgroup, or the path in /proc/PID/cgroup",
		 path);
	return -ENOENT;
}
