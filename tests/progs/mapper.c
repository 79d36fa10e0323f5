// SPDX-License-Identifier: BSD-2-Clause
/*
 * mapper [N]: maps and unmaps N pieces of its own code elsewhere, as programs that load and drop
 * plug-ins or generated code do, and burns about as long between. Prints the two times.
 */
#include <sys/mman.h>
#include "prog.h"

static PROG_WHOLE uint64_t burn_between(uint64_t ns)
{
	return prog_burn(ns);
}

static PROG_WHOLE void map_and_unmap(int fd)
{
	char *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	if (at == MAP_FAILED || munmap(at, 4096))
		prog_die("mmap");
}

int main(int argc, char **argv)
{
	uint64_t n = prog_number(argc, argv, 1, 20000), burn_ns = 0;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		prog_die("/proc/self/exe");
	for (uint64_t i = 0; i < n; i++) {
		map_and_unmap(fd);
		burn_ns += burn_between(PROG_MS / 20);
	}
	printf("{\"pid\": %d, \"cpu_ns\": %llu, \"burn_ns\": %llu}\n", getpid(),
	       (unsigned long long)prog_cpu_ns(), (unsigned long long)burn_ns);
	return 0;
}
