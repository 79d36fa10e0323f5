// SPDX-License-Identifier: BSD-2-Clause
/*
 * mixed [MS] [series]: ten threads of different kinds. At its end each publishes its own clock and
 * its schedstat, for a recording of its whole life. With `series` it also logs (epoch before, epoch after, CPU, wait)
 * every few ms, so that a recording of any part can be checked against the entries around its edges.
 */
#include <semaphore.h>
#include <stdbool.h>
#include "prog.h"

#define LOG_EVERY_NS (2 * PROG_MS)
#define LOG_MAX 65536

struct entry {
	uint64_t before_ns, after_ns, cpu_ns, wait_ns;
};

struct worker {
	const char *name;
	void (*step)(struct worker *);
	pthread_t thread;
	sem_t go;
	int tid;
	uint64_t cpu_ns, run_ns, wait_ns, logged_ns;
	size_t n_log;
	struct entry *log;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int zero_fd;
static bool series;
static uint64_t end_ns;

static void step_spin(struct worker *w)
{
	(void)w;
	prog_burn(PROG_MS);
}

static void step_burst(struct worker *w)
{
	struct timespec pause = { 0, 2 * PROG_MS };

	(void)w;
	prog_burn(PROG_MS);
	nanosleep(&pause, NULL);
}

static void step_lock(struct worker *w)
{
	(void)w;
	pthread_mutex_lock(&lock);
	prog_burn(PROG_MS / 5);
	pthread_mutex_unlock(&lock);
	prog_burn(PROG_MS / 10);
}

static void step_syscall(struct worker *w)
{
	static __thread char buffer[16384];

	(void)w;
	for (int i = 0; i < 100; i++)
		if (read(zero_fd, buffer, sizeof(buffer)) < 0)
			prog_die("/dev/zero");
}

static void step_yield(struct worker *w)
{
	(void)w;
	prog_burn(PROG_MS / 2);
	syscall(SYS_sched_yield);
}

static struct worker workers[] = {
	{ "mixed-spin-a", step_spin },	     { "mixed-spin-b", step_spin },
	{ "mixed-burst-a", step_burst },     { "mixed-burst-b", step_burst },
	{ "mixed-lock-a", step_lock },	     { "mixed-lock-b", step_lock },
	{ "mixed-syscall-a", step_syscall }, { "mixed-syscall-b", step_syscall },
	{ "mixed-yield-a", step_yield },     { "mixed-yield-b", step_yield },
};
#define WORKERS (sizeof(workers) / sizeof(workers[0]))

/* Between two looks at the clock: a preemption meanwhile only widens the bracket. */
static void worker_log(struct worker *w)
{
	struct entry entry = { 0 };
	uint64_t run, now = prog_wall_ns();

	if (!series || now - w->logged_ns < LOG_EVERY_NS || w->n_log == LOG_MAX)
		return;
	entry.before_ns = prog_epoch_ns();
	if (prog_schedstat(&run, &entry.wait_ns))
		prog_die("schedstat");
	entry.cpu_ns = prog_cpu_ns();
	entry.after_ns = prog_epoch_ns();
	w->log[w->n_log++] = entry;
	w->logged_ns = now;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	prog_name(w->name);
	w->tid = prog_tid();
	if (series && !(w->log = calloc(LOG_MAX, sizeof(*w->log))))
		prog_die("calloc");
	while (prog_wall_ns() < end_ns) {
		w->step(w);
		worker_log(w);
	}
	sem_wait(&w->go);
	w->cpu_ns = prog_cpu_ns();
	if (prog_schedstat(&w->run_ns, &w->wait_ns))
		prog_die("schedstat");
	return NULL;
}

static void worker_print(const struct worker *w)
{
	printf("{\"tid\": %d, \"name\": \"%s\", \"cpu_ns\": %llu, \"run_ns\": %llu, "
	       "\"wait_ns\": %llu, \"series\": [",
	       w->tid, w->name, (unsigned long long)w->cpu_ns, (unsigned long long)w->run_ns,
	       (unsigned long long)w->wait_ns);
	for (size_t i = 0; i < w->n_log; i++)
		printf("%s[%llu,%llu,%llu,%llu]", i ? "," : "",
		       (unsigned long long)w->log[i].before_ns,
		       (unsigned long long)w->log[i].after_ns, (unsigned long long)w->log[i].cpu_ns,
		       (unsigned long long)w->log[i].wait_ns);
	printf("]}");
}

int main(int argc, char **argv)
{
	end_ns = prog_wall_ns() + prog_number(argc, argv, 1, 5000) * PROG_MS;
	series = argc > 2 && !strcmp(argv[2], "series");
	zero_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (zero_fd < 0)
		prog_die("/dev/zero");
	for (size_t i = 0; i < WORKERS; i++) {
		sem_init(&workers[i].go, 0, 0);
		errno = pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]);
		if (errno)
			prog_die("pthread_create");
	}
	/* One after the other: what a thread publishes is the last that it does, with no crowd around. */
	for (size_t i = 0; i < WORKERS; i++) {
		sem_post(&workers[i].go);
		pthread_join(workers[i].thread, NULL);
	}
	printf("{\"pid\": %d, \"threads\": [", getpid());
	for (size_t i = 0; i < WORKERS; i++) {
		printf("%s\n", i ? "," : "");
		worker_print(&workers[i]);
	}
	printf("]}\n");
	return 0;
}
