// SPDX-License-Identifier: BSD-2-Clause
/*
 * threads4096 [N] [CPU_US] [REST_MS]: N threads (4,096) that are alive at the same time, for REST_MS
 * (0) after the last one has come, each burning CPU_US (1,000) of its own clock. Prints the sum of what they say and the process's own clock.
 */
#include "prog.h"

static pthread_barrier_t all_here;
static uint64_t burn_ns, rest_ms, sum_ns;

static void *worker_main(void *arg)
{
	char name[16];
	uint64_t cpu;

	snprintf(name, sizeof(name), "crowd-%zu", (size_t)arg);
	prog_name(name);
	prog_burn(burn_ns);
	pthread_barrier_wait(&all_here);
	if (rest_ms)
		usleep((useconds_t)(rest_ms * 1000));
	cpu = prog_cpu_ns();
	__atomic_fetch_add(&sum_ns, cpu, __ATOMIC_RELAXED);
	return NULL;
}

int main(int argc, char **argv)
{
	size_t n = prog_number(argc, argv, 1, 4096);
	pthread_t *threads = calloc(n, sizeof(*threads));
	pthread_attr_t attr;

	burn_ns = prog_number(argc, argv, 2, 1000) * 1000;
	rest_ms = prog_number(argc, argv, 3, 0);
	if (!threads)
		prog_die("calloc");
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	pthread_barrier_init(&all_here, NULL, (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		errno = pthread_create(&threads[i], &attr, worker_main, (void *)i);
		if (errno)
			prog_die("pthread_create");
	}
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	printf("{\"pid\": %d, \"threads\": %zu, \"threads_ns\": %llu, \"process_ns\": %llu}\n",
	       getpid(), n, (unsigned long long)sum_ns,
	       (unsigned long long)prog_process_cpu_ns());
	free(threads);
	return 0;
}
