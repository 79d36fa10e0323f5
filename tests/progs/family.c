// SPDX-License-Identifier: BSD-2-Clause
/*
 * family [CPU_MS] [STATUS]: a process, its child and its grandchild, each burning CPU_MS in a function
 * of its own; the first ends with STATUS. For `capture -- CMD`, which follows all of them.
 */
#include <sys/wait.h>
#include "prog.h"

static PROG_WHOLE void burn_parent(uint64_t ns)
{
	prog_burn(ns);
	PROG_STAY();
}

static PROG_WHOLE void burn_child(uint64_t ns)
{
	prog_burn(ns);
	PROG_STAY();
}

static PROG_WHOLE void burn_grandchild(uint64_t ns)
{
	prog_burn(ns);
	PROG_STAY();
}

static void reap(void)
{
	int status;

	if (wait(&status) < 0 || status)
		prog_die("wait");
}

static void grandchild(uint64_t ns)
{
	prog_name("grandchild");
	burn_grandchild(ns);
	_exit(0);
}

static void child(uint64_t ns)
{
	pid_t pid;

	prog_name("child");
	pid = fork();
	if (pid < 0)
		prog_die("fork");
	if (!pid)
		grandchild(ns);
	burn_child(ns);
	reap();
	_exit(0);
}

int main(int argc, char **argv)
{
	uint64_t ns = prog_number(argc, argv, 1, 300) * PROG_MS;
	pid_t pid = fork();

	if (pid < 0)
		prog_die("fork");
	if (!pid)
		child(ns);
	burn_parent(ns);
	reap();
	printf("{\"pid\": %d, \"uid\": %d}\n", getpid(), (int)getuid());
	return (int)prog_number(argc, argv, 2, 0);
}
