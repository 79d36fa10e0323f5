// SPDX-License-Identifier: BSD-2-Clause
/*
 * exiter [MS]: three threads spin until the process ends under them after MS: exit_group() kills two
 * of them in the middle of their work. What they used is what wait4() says of the process.
 */
#include "prog.h"

static PROG_WHOLE void spin_until_killed(void)
{
	for (;;)
		prog_burn(PROG_S);
}

static void *worker_main(void *arg)
{
	prog_name(arg);
	spin_until_killed();
	return NULL;
}

int main(int argc, char **argv)
{
	static char names[][16] = { "doomed-a", "doomed-b" };
	uint64_t end = prog_wall_ns() + prog_number(argc, argv, 1, 1000) * PROG_MS;
	pthread_t thread;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		errno = pthread_create(&thread, NULL, worker_main, names[i]);
		if (errno)
			prog_die("pthread_create");
	}
	while (prog_wall_ns() < end)
		prog_burn(PROG_MS);
	_exit(7);
}
