// SPDX-License-Identifier: BSD-2-Clause
/*
 * onset [LIGHT [THREADS]]: does LIGHT per cent of a CPU (8) of known work in light_work until
 * SIGUSR1, and from then on burns in burn_hot in THREADS (2) threads; SIGUSR2 ends the burn. Built
 * with frame pointers.
 */
#include <signal.h>
#include "prog.h"

#define ROUND_NS (20 * PROG_MS)

static volatile sig_atomic_t burning;

static void on_signal(int number)
{
	burning = number == SIGUSR1;
}

static PROG_WHOLE void light_work(uint64_t ns)
{
	prog_burn(ns);
	PROG_STAY();
}

static PROG_WHOLE void burn_hot(uint64_t ns)
{
	prog_burn(ns);
	PROG_STAY();
}

/* Rounds of uneven length: never in step with the sampling. */
static void rest(uint64_t percent, unsigned *seed)
{
	uint64_t round = ROUND_NS + (uint64_t)rand_r(seed) % ROUND_NS;
	struct timespec pause = { .tv_nsec = (long)(round / 100 * (100 - percent)) };

	light_work(round / 100 * percent);
	nanosleep(&pause, NULL);
}

static void *helper_main(void *arg)
{
	struct timespec pause = { .tv_nsec = 20 * PROG_MS };

	prog_name("helper");
	for (;;) {
		if (burning)
			burn_hot(ROUND_NS);
		else
			nanosleep(&pause, NULL);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t percent = prog_number(argc, argv, 1, 8), threads = prog_number(argc, argv, 2, 2);
	struct sigaction action = { .sa_handler = on_signal };
	unsigned seed = (unsigned)getpid();
	pthread_t helper;

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	for (uint64_t i = 1; i < threads; i++) {
		errno = pthread_create(&helper, NULL, helper_main, NULL);
		if (errno)
			prog_die("pthread_create");
	}
	printf("{\"pid\": %d}\n", getpid());
	fflush(stdout);
	for (;;) {
		if (burning)
			burn_hot(ROUND_NS);
		else
			rest(percent, &seed);
	}
}
