// SPDX-License-Identifier: BSD-2-Clause
/*
 * A disk that fails, for a program that is started with this in LD_PRELOAD: FAULT=CALL:NUMBER:EVERY
 * makes every EVERYth call of write, fsync (fdatasync is one) or renameat fail with that errno; an
 * fsync with errno 0 says that it is done, and does nothing.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(const char *call)
{
	static _Atomic int calls;
	const char *fault = getenv("FAULT");
	char name[16];
	int number, every;

	if (!fault || sscanf(fault, "%15[a-z]:%d:%d", name, &number, &every) != 3 ||
	    strcmp(name, call) || ++calls % every)
		return 0;
	errno = number;
	return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd)
{
	return !fails("fsync") ? REAL(fsync)(fd) : errno ? -1 : 0;
}

int fdatasync(int fd)
{
	return !fails("fsync") ? REAL(fdatasync)(fd) : errno ? -1 : 0;
}

ssize_t write(int fd, const void *data, size_t size)
{
	return fd > 2 && fails("write") ? -1 : REAL(write)(fd, data, size);
}

int renameat(int from, const char *old, int to, const char *new)
{
	return fails("renameat") ? -1 : REAL(renameat)(from, old, to, new);
}
