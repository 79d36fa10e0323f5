// SPDX-License-Identifier: BSD-2-Clause
/*
 * For LD_PRELOAD: `backdraft watch` with a clock that can be set. CLOCK_REALTIME is off by as many
 * seconds as the file says that CLOCK_SHIFT names. The machine's own clock is nobody's to change.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "prog.h"

static bool shifted;

/* Not in its children, which may open nothing. */
__attribute__((constructor)) static void begin(int argc, char **argv)
{
	shifted = argc > 1 && !strcmp(argv[1], "watch");
}

static long shift_s(void)
{
	char text[32];
	int fd = open(getenv("CLOCK_SHIFT"), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strtol(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	long rc = prog_syscall3(SYS_clock_gettime, clock, (long)ret, 0);

	if (rc < 0) {
		errno = (int)-rc;
		return -1;
	}
	if (clock == CLOCK_REALTIME && shifted)
		ret->tv_sec += shift_s();
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}
