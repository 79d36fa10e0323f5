// SPDX-License-Identifier: BSD-2-Clause
/*
 * shares [CPU_MS [FIFTH]]: four named threads, each of which spends its CPU time in burn_half,
 * burn_third and burn_fifth as 50 : 30 : FIFTH (20), by its own clock. Built with frame pointers.
 * Prints the exact time of each.
 */
#include "prog.h"

#define THREADS 4
#define ROUND_NS (20 * PROG_MS)

struct worker {
	pthread_t thread;
	char name[16];
	int tid;
	uint64_t budget_ns, cpu_ns, half_ns, third_ns, fifth_ns;
};

static uint64_t fifth_percent;

static PROG_WHOLE uint64_t burn_half(uint64_t ns)
{
	return prog_burn(ns);
}

static PROG_WHOLE uint64_t burn_third(uint64_t ns)
{
	return prog_burn(ns);
}

static PROG_WHOLE uint64_t burn_fifth(uint64_t ns)
{
	return prog_burn(ns);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	unsigned seed = (unsigned)w->budget_ns ^ (unsigned)w->name[7];

	prog_name(w->name);
	w->tid = prog_tid();
	while (prog_cpu_ns() < w->budget_ns) {
		/* Rounds of uneven length: never in step with the sampling. */
		uint64_t round = ROUND_NS + (uint64_t)rand_r(&seed) % ROUND_NS;

		w->half_ns += burn_half(round / 10 * 5);
		w->third_ns += burn_third(round / 10 * 3);
		w->fifth_ns += burn_fifth(round / 100 * fifth_percent);
	}
	w->cpu_ns = prog_cpu_ns();
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS];
	uint64_t budget = prog_number(argc, argv, 1, 3000) * PROG_MS;

	fifth_percent = prog_number(argc, argv, 2, 20);
	for (int i = 0; i < THREADS; i++) {
		workers[i].budget_ns = budget;
		snprintf(workers[i].name, sizeof(workers[i].name), "shares-%c", 'a' + i);
		errno = pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]);
		if (errno)
			prog_die("pthread_create");
	}
	printf("{\"pid\": %d, \"threads\": [", getpid());
	for (int i = 0; i < THREADS; i++) {
		struct worker *w = &workers[i];

		pthread_join(w->thread, NULL);
		printf("%s\n{\"tid\": %d, \"name\": \"%s\", \"cpu_ns\": %llu, \"burn_half\": %llu, "
		       "\"burn_third\": %llu, \"burn_fifth\": %llu}",
		       i ? "," : "", w->tid, w->name, (unsigned long long)w->cpu_ns,
		       (unsigned long long)w->half_ns, (unsigned long long)w->third_ns,
		       (unsigned long long)w->fifth_ns);
	}
	printf("]}\n");
	return 0;
}
