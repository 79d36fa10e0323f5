// SPDX-License-Identifier: BSD-2-Clause
/* Cases whose time passes in somebody else's code: the vDSO, a system call, the PLT, a library. */
#include <dlfcn.h>
#include "chains.h"

static PROG_WHOLE void chain_clock(void)
{
	struct timespec now;

	chain_begin();
	while (chain_more())
		for (int i = 0; i < 1000; i++)
			clock_gettime(CLOCK_MONOTONIC, &now);
	chain_end();
}

PROG_WHOLE void chain_vdso(void)
{
	chain_clock();
	PROG_STAY();
}

static PROG_WHOLE void chain_reader(int fd, char *buffer, size_t size)
{
	chain_begin();
	while (chain_more())
		if (read(fd, buffer, size) < 0)
			prog_die("/dev/zero");
	chain_end();
}

PROG_WHOLE void chain_syscall(void)
{
	static char buffer[64 << 10];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		prog_die("/dev/zero");
	chain_reader(fd, buffer, sizeof(buffer));
	close(fd);
}

#ifndef CHAINS_STATIC
/* A tiny function of libc: a good part of the samples is in the stub of the PLT. */
static PROG_WHOLE void chain_plt_user(void)
{
	long long sum = getpid();

	chain_begin();
	while (chain_more())
		for (int i = 0; i < 2000; i++)
			sum += lldiv(sum + i, 3).quot;
	chain_end();
	__asm__ volatile("" ::"r"(sum));
}

PROG_WHOLE void chain_plt(void)
{
	chain_plt_user();
	PROG_STAY();
}

static PROG_WHOLE void chain_callback(void)
{
	chain_leaf();
	PROG_STAY();
}

/* libchain.so lies beside the program. */
PROG_WHOLE void chain_dlopen(void)
{
	void (*outer)(void (*)(void));
	char path[4096];
	void *library;
	ssize_t n;

	n = readlink("/proc/self/exe", path, sizeof(path) - 16);
	if (n < 0)
		prog_die("/proc/self/exe");
	path[n] = '\0';
	strcpy(strrchr(path, '/') + 1, "libchain.so");
	library = dlopen(path, RTLD_NOW);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&outer = dlsym(library, "chain_lib_outer");
	outer(chain_callback);
	PROG_STAY();
}
#endif
