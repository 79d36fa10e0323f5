// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/bpf_memory.h"

#include <stdio.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

uint64_t bpf_map_memory(int fd)
{
	char path[64], line[128];
	unsigned long long bytes = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	FILE *f = fopen(path, "re");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	fclose(f);
	return bytes;
}

uint64_t bpf_object_memory(const struct bpf_object *object)
{
	uint64_t bytes = 0;
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
		if (bpf_map__fd(map) >= 0)
			bytes += bpf_map_memory(bpf_map__fd(map));
	return bytes;
}
