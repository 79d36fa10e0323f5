// SPDX-License-Identifier: BSD-2-Clause
#include "user/common/container.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FULL_ID 64

bool container_id_in(const char *path, char ret[CONTAINER_ID + 1])
{
	/* docker-<id>.scope, cri-containerd-<id>.scope, crio-<id>.scope, libpod-<id>, /<id> */
	for (size_t run = 0; *path; path++) {
		run = isxdigit((unsigned char)*path) && !isupper((unsigned char)*path) ? run + 1 : 0;
		if (run == FULL_ID && !isxdigit((unsigned char)path[1])) {
			memcpy(ret, path + 1 - FULL_ID, CONTAINER_ID);
			ret[CONTAINER_ID] = '\0';
			return true;
		}
	}
	return false;
}

bool container_of(int pid, char ret[CONTAINER_ID + 1])
{
	char path[64], *line = NULL;
	size_t size = 0;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	FILE *f = fopen(path, "re");

	while (f && !found && getline(&line, &size, f) > 0)
		found = container_id_in(line, ret);
	free(line);
	if (f)
		fclose(f);
	return found;
}
