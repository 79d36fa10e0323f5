// SPDX-License-Identifier: BSD-2-Clause
/*
 * turns [CPU_MS]: threads turn-0, turn-1 and turn-2 burn CPU_MS (400) one after the other, each in seconds
 * of its own; then the process aborts, in turn-2's last bit. Prints a line of JSON a turn first: its name,
 * the CPU time by its own clock, and begin and end since the epoch. SIGUSR1 lets it begin.
 */
#include "prog.h"

#include <signal.h>

#define TURNS 3
#define BETWEEN_NS (2500 * PROG_MS)

static uint64_t budget_ns;

static void told(int k, uint64_t from_ns, uint64_t cpu_ns)
{
	printf("{\"name\": \"turn-%d\", \"from_ns\": %llu, \"to_ns\": %llu, \"cpu_ns\": %llu}\n", k,
	       (unsigned long long)from_ns, (unsigned long long)prog_epoch_ns(),
	       (unsigned long long)cpu_ns);
	fflush(stdout);
}

static void *turn_main(void *arg)
{
	int k = (int)(intptr_t)arg;
	char name[16];

	snprintf(name, sizeof(name), "turn-%d", k);
	prog_name(name);
	uint64_t from_ns = prog_epoch_ns();

	prog_burn(budget_ns);
	told(k, from_ns, prog_cpu_ns());
	if (k == TURNS - 1)
		abort();
	/* It stays, so that it dies of the crash, like the others. */
	for (;;)
		pause();
	return NULL;
}

static void on_signal(int number)
{
	(void)number;
}

int main(int argc, char **argv)
{
	sigset_t set, before;

	budget_ns = prog_number(argc, argv, 1, 400) * PROG_MS;
	signal(SIGUSR1, on_signal);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &before);
	puts("ready");
	fflush(stdout);
	sigsuspend(&before);
	for (int k = 0; k < TURNS; k++) {
		struct timespec between = {BETWEEN_NS / PROG_S, BETWEEN_NS % PROG_S};
		pthread_t thread;

		if (pthread_create(&thread, NULL, turn_main, (void *)(intptr_t)k))
			prog_die("a thread");
		nanosleep(&between, NULL);
	}
	return 1;
}
