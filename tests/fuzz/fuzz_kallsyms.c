// SPDX-License-Identifier: BSD-2-Clause
/* Any text as /proc/kallsyms. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/lib/symbols/kallsyms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct kallsyms_symbol s;
	struct kallsyms *k;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size ||
	    lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if (kallsyms_read(fd, &k) < 0)
		return 0;
	for (uint64_t a = 0; a < UINT64_MAX / 2; a = a * 3 + 1)
		if (kallsyms_find(k, a, &s) && (s.start > a || !s.name))
			abort();
	kallsyms_find(k, UINT64_MAX, &s);
	kallsyms_free(k);
	return 0;
}
