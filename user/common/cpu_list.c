// SPDX-License-Identifier: BSD-2-Clause
#include "user/common/cpu_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CPUS_MAX 8192

int cpu_list(const char *name, bool *set, unsigned max)
{
	char path[128];
	unsigned first, last;
	int count = 0;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/%s", name);
	FILE *f = fopen(path, "re");
	if (!f)
		return -errno;
	memset(set, 0, max * sizeof(*set));
	while (fscanf(f, "%u", &first) == 1) {
		int c = fgetc(f);

		last = first;
		if (c == '-') {
			if (fscanf(f, "%u", &last) != 1)
				break;
			c = fgetc(f);
		}
		for (unsigned cpu = first; cpu <= last && cpu < max; cpu++, count++)
			set[cpu] = true;
		if (c != ',')
			break;
	}
	fclose(f);
	return count;
}

unsigned cpu_possible(void)
{
	static bool set[CPUS_MAX];
	unsigned highest = 0;

	if (cpu_list("possible", set, CPUS_MAX) <= 0)
		return (unsigned)sysconf(_SC_NPROCESSORS_CONF);
	for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
		if (set[cpu])
			highest = cpu;
	return highest + 1;
}
