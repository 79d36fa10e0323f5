// SPDX-License-Identifier: BSD-2-Clause
/* idle: says its PID and sleeps until a signal ends it. */
#include "prog.h"

int main(void)
{
	printf("{\"pid\": %d}\n", getpid());
	fflush(stdout);
	for (;;)
		pause();
}
