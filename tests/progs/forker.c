// SPDX-License-Identifier: BSD-2-Clause
/*
 * forker N MS [BINARY…]: N children, two at a time, each of which burns MS of CPU and exits. With
 * binaries the children execute them in turn (`BINARY MS`), else they burn after fork without exec.
 * Prints what getrusage(RUSAGE_CHILDREN) says of them, its own CPU time, and their PIDs.
 */
#include <sys/resource.h>
#include <sys/wait.h>
#include "prog.h"

#define AT_ONCE 2

static PROG_WHOLE void child_burn(uint64_t ns)
{
	uint64_t spent = prog_process_cpu_ns();

	if (spent < ns)
		prog_burn(ns - spent);
	PROG_STAY();
}

static pid_t child_start(uint64_t ms, char *binary, char *ms_text)
{
	pid_t pid = fork();

	if (pid < 0)
		prog_die("fork");
	if (pid > 0)
		return pid;
	if (binary) {
		execl(binary, binary, ms_text, (char *)NULL);
		prog_die(binary);
	}
	prog_name("forked");
	child_burn(ms * PROG_MS);
	_exit(0);
}

static void child_reap(void)
{
	int status;

	if (wait(&status) < 0)
		prog_die("wait");
	if (status) {
		errno = ECHILD;
		prog_die("a child did not end well");
	}
}

int main(int argc, char **argv)
{
	uint64_t n = prog_number(argc, argv, 1, 2000), ms = prog_number(argc, argv, 2, 2);
	int binaries = argc > 3 ? argc - 3 : 0;
	pid_t *pids = calloc(n, sizeof(*pids));
	unsigned long long total_ns;
	struct rusage usage;

	if (!pids)
		prog_die("calloc");
	for (uint64_t i = 0; i < n; i++) {
		if (i >= AT_ONCE)
			child_reap();
		pids[i] = child_start(ms, binaries ? argv[3 + i % (uint64_t)binaries] : NULL,
			    argc > 2 ? argv[2] : (char *)"2");
	}
	for (uint64_t i = 0; i < n && i < AT_ONCE; i++)
		child_reap();
	if (getrusage(RUSAGE_CHILDREN, &usage))
		prog_die("getrusage");
	total_ns = (unsigned long long)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * PROG_S +
		   (unsigned long long)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
	printf("{\"pid\": %d, \"children_ns\": %llu, \"own_ns\": %llu, \"children\": [", getpid(),
	       total_ns, (unsigned long long)prog_process_cpu_ns());
	for (uint64_t i = 0; i < n; i++)
		printf("%s%d", i ? ", " : "", pids[i]);
	printf("]}\n");
	free(pids);
	return 0;
}
