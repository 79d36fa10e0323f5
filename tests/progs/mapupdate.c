// SPDX-License-Identifier: BSD-2-Clause
/*
 * mapupdate [MS] [CPU]: keeps a CPU inside BPF map updates, as another tool on the machine would.
 * The kernel skips perf programs on a CPU meanwhile and counts it nowhere.
 */
#include <linux/bpf.h>
#include <sched.h>
#include "prog.h"

#define ENTRIES 64
#define VALUE_BYTES (16u << 10)

static long bpf_call(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int map_create(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_HASH;
	attr.key_size = sizeof(uint32_t);
	attr.value_size = VALUE_BYTES;
	attr.max_entries = ENTRIES;
	return (int)bpf_call(BPF_MAP_CREATE, &attr);
}

static void map_update(int fd, uint32_t key, const void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uint64_t)(uintptr_t)&key;
	attr.value = (uint64_t)(uintptr_t)value;
	if (bpf_call(BPF_MAP_UPDATE_ELEM, &attr) < 0)
		prog_die("BPF_MAP_UPDATE_ELEM");
}

int main(int argc, char **argv)
{
	uint64_t end = prog_wall_ns() + prog_number(argc, argv, 1, 3000) * PROG_MS;
	static char value[VALUE_BYTES];
	uint64_t updates = 0;
	cpu_set_t cpus;
	int fd;

	CPU_ZERO(&cpus);
	CPU_SET(prog_number(argc, argv, 2, 0), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		prog_die("sched_setaffinity");
	fd = map_create();
	if (fd < 0)
		prog_die("BPF_MAP_CREATE");
	for (; prog_wall_ns() < end; updates++)
		map_update(fd, (uint32_t)(updates % ENTRIES), value);
	printf("{\"pid\": %d, \"updates\": %llu, \"cpu_ns\": %llu}\n", getpid(),
	       (unsigned long long)updates, (unsigned long long)prog_cpu_ns());
	return 0;
}
