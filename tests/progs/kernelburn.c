// SPDX-License-Identifier: BSD-2-Clause
/*
 * kernelburn [CPU_MS]: one thread that is in the kernel nearly all the time, clearing 16 MB a call.
 */
#include "prog.h"

#define BUFFER_BYTES (16u << 20)

static PROG_WHOLE void burn_in_kernel(int fd, char *buffer)
{
	/* Without a call the compiler would leave the frame out. */
	__asm__ volatile("" ::"r"(__builtin_frame_address(0)));
	if (prog_syscall3(SYS_read, fd, (long)buffer, BUFFER_BYTES) < 0)
		prog_die("/dev/zero");
	PROG_STAY();
}

int main(int argc, char **argv)
{
	uint64_t budget = prog_number(argc, argv, 1, 2000) * PROG_MS;
	char *buffer = malloc(BUFFER_BYTES);
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || !buffer)
		prog_die("/dev/zero");
	memset(buffer, 1, BUFFER_BYTES);
	while (prog_cpu_ns() < budget)
		burn_in_kernel(fd, buffer);
	printf("{\"pid\": %d, \"cpu_ns\": %llu}\n", getpid(), (unsigned long long)prog_cpu_ns());
	return 0;
}
