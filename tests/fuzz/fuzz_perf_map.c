// SPDX-License-Identifier: BSD-2-Clause
/* Any text as a perf map. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/lib/symbols/perf_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct perf_map_symbol found[32] = {0};
	uint64_t addresses[32];
	static int fd = -1;
	char name[64];

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	for (size_t i = 0; i < 32; i++)
		addresses[i] = i < 16 ? i * 16 : UINT64_MAX - (31 - i);
	if (perf_map_find(fd, addresses, 32, found) < 0)
		return 0;
	for (size_t i = 0; i < 32; i++) {
		if (found[i].name_len == 0)
			continue;
		if (addresses[i] - found[i].start >= found[i].size ||
		    found[i].name_len > PERF_MAP_NAME_MAX)
			abort();
		perf_map_name(fd, &found[i], name, sizeof(name));
	}
	return 0;
}
