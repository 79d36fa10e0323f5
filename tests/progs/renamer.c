// SPDX-License-Identifier: BSD-2-Clause
/*
 * renamer [CPU_MS]: a thread that burns half of its time under the name `before` and the other half
 * under `after`. A thread has one row in a report, with the name that it had last.
 */
#include "prog.h"

static uint64_t half_ns, cpu_ns;
static int tid;

static PROG_WHOLE void burn_before(void)
{
	prog_burn(half_ns);
	PROG_STAY();
}

static PROG_WHOLE void burn_after(void)
{
	prog_burn(half_ns);
	PROG_STAY();
}

static void *worker_main(void *arg)
{
	(void)arg;
	tid = prog_tid();
	prog_name("before");
	burn_before();
	prog_name("after");
	burn_after();
	cpu_ns = prog_cpu_ns();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	half_ns = prog_number(argc, argv, 1, 1000) * PROG_MS / 2;
	errno = pthread_create(&thread, NULL, worker_main, NULL);
	if (errno)
		prog_die("pthread_create");
	pthread_join(thread, NULL);
	printf("{\"pid\": %d, \"tid\": %d, \"cpu_ns\": %llu}\n", getpid(), tid,
	       (unsigned long long)cpu_ns);
	return 0;
}
