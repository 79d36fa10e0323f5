// SPDX-License-Identifier: BSD-2-Clause
/*
 * hold [MB [MORE]]: holds MB (50) of memory and sleeps; at SIGUSR1 it takes MORE (200), at SIGUSR2 it gives
 * them back.
 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include "prog.h"

static void *take(uint64_t mb)
{
	void *memory = mmap(NULL, mb << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		prog_die("mmap");
	memset(memory, 1, mb << 20);
	return memory;
}

int main(int argc, char **argv)
{
	uint64_t mb = prog_number(argc, argv, 1, 50), more = prog_number(argc, argv, 2, 200);
	void *taken = NULL;
	sigset_t set;
	int number;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	take(mb);
	printf("{\"pid\": %d}\n", getpid());
	fflush(stdout);
	while (!sigwait(&set, &number)) {
		if (number == SIGUSR1 && !taken) {
			taken = take(more);
		} else if (number == SIGUSR2 && taken) {
			munmap(taken, more << 20);
			taken = NULL;
		}
	}
	return 1;
}
