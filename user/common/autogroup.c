// SPDX-License-Identifier: BSD-2-Clause
#include "user/common/autogroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void autogroup_set_nice(int nice)
{
	int fd = getsid(0) == getpid() ? open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	dprintf(fd, "%d", nice);
	close(fd);
}
