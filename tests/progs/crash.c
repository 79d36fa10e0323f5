// SPDX-License-Identifier: BSD-2-Clause
/*
 * Dies as it is told, with threads in known functions. `crash HOW [THREADS] [MODE]`: HOW is a row
 * of the table below; the threads are in turn asleep, in a lock, spinning and in a system call,
 * MODE `idle` leaves the spinning ones out. Each prints its number and what it is in, and when all
 * are where they belong, the process says `ready` and dies, with `told` when its standard input has a byte or ends.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <stdbool.h>

#include "prog.h"

#define SPINNERS_MAX 12

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static volatile int arrived;
static int pipes[2];
static volatile uint64_t sink;

/* --- what threads are in: a chain of three, the last of which never returns */
#define CHAIN(name, leaf)                                                                          \
	PROG_WHOLE static void in_##name(void)                                                     \
	{                                                                                          \
		leaf;                                                                              \
		PROG_STAY();                                                                       \
	}                                                                                          \
	PROG_WHOLE static void middle_##name(void)                                                 \
	{                                                                                          \
		in_##name();                                                                       \
		PROG_STAY();                                                                       \
	}                                                                                          \
	PROG_WHOLE static void *root_##name(void *arg)                                             \
	{                                                                                          \
		prog_name(#name);                                                                  \
		__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);                                 \
		middle_##name();                                                                   \
		PROG_STAY();                                                                       \
		return arg;                                                                        \
	}

static inline __attribute__((always_inline)) void spin(void)
{
	for (;;)
		sink = prog_work(sink);
}

CHAIN(sleep, for (;;) sleep(1000))
CHAIN(lock, pthread_mutex_lock(&held))
CHAIN(spin, spin())
CHAIN(read, char byte; while (read(pipes[0], &byte, 1) != 1) PROG_STAY())

static void *(*const roots[])(void *) = { root_sleep, root_lock, root_read, root_spin };

/* --- ways to die */
typedef void (*target_fn)(void);
static target_fn volatile nowhere;
static volatile int zero;

PROG_WHOLE static void die_null(void)
{
	nowhere = NULL;
	nowhere();
	PROG_STAY();
}

PROG_WHOLE static void die_nowhere(void)
{
	nowhere = (target_fn)0x7ead0000beefUL;
	nowhere();
	PROG_STAY();
}

PROG_WHOLE static void die_write(void)
{
	*(volatile int *)0x1234 = 1;
	PROG_STAY();
}

PROG_WHOLE static uint64_t deeper(uint64_t n)
{
	volatile uint64_t room[64];

	if (zero)
		return 0;
	room[n % 64] = n;
	room[0] = deeper(n + 1) + room[n % 64];
	PROG_STAY();
	return room[0];
}

PROG_WHOLE static void die_overflow(void)
{
	sink = deeper(0);
	PROG_STAY();
}

PROG_WHOLE static void die_abort(void)
{
	abort();
}

PROG_WHOLE static void die_divide(void)
{
#if defined(__x86_64__)
	sink = 7 / zero;
#else
	raise(SIGFPE);
#endif
	PROG_STAY();
}

PROG_WHOLE static void die_bus(void)
{
	char path[] = "/tmp/backdraft-crash-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	volatile char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	*at = 1; /* beyond the end of the file */
	PROG_STAY();
}

PROG_WHOLE static void die_illegal(void)
{
#if defined(__x86_64__)
	__asm__ volatile("ud2");
#else
	__asm__ volatile("udf #0");
#endif
	PROG_STAY();
}

PROG_WHOLE static void die_trap(void)
{
#if defined(__x86_64__)
	__asm__ volatile("int3");
#else
	__asm__ volatile("brk #0");
#endif
	PROG_STAY();
}

/* A filter allows all but one system call, which is tried. */
PROG_WHOLE static void die_filter(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpriority, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(rules) / sizeof(*rules), rules };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		prog_die("seccomp");
	prog_syscall3(SYS_getpriority, 0, 0, 0);
	PROG_STAY();
}

/* A handler that goes back to the default and lets it happen again. */
static void again(int number)
{
	signal(number, SIG_DFL);
}

PROG_WHOLE static void die_again(void)
{
	signal(SIGSEGV, again);
	die_write();
	PROG_STAY();
}

/* No death: the handler jumps over it. */
static void over(int number)
{
	_exit(0);
}

PROG_WHOLE static void die_handled(void)
{
	signal(SIGSEGV, over);
	die_write();
	PROG_STAY();
}

PROG_WHOLE static void die_exit(void)
{
	exit(42);
}

/* Waits for a signal without a handler. */
PROG_WHOLE static void die_wait(void)
{
	for (;;)
		pause();
}

/* A service that ends when it is asked to. */
static void ask(int number)
{
	_exit(0);
}

PROG_WHOLE static void die_asked(void)
{
	signal(SIGTERM, ask);
	for (;;)
		pause();
}

/* No death either: the first thread is gone, the others stay. */
PROG_WHOLE static void die_leave(void)
{
	pthread_exit(NULL);
}

/* Until the control group has no memory left. */
PROG_WHOLE static void die_memory(void)
{
	for (;;) {
		char *at = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (at == MAP_FAILED)
			pause();
		memset(at, 1, 1 << 20);
	}
}

PROG_WHOLE static void die_heap(void)
{
	size_t bytes = 2048ul << 20;
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < bytes; i += 4096)
		at[i] = 1;
	die_write();
	PROG_STAY();
}

static const struct {
	const char *how;
	void (*die)(void);
} deaths[] = {
	{ "null", die_null },	    { "nowhere", die_nowhere }, { "write", die_write },
	{ "overflow", die_overflow }, { "abort", die_abort },     { "divide", die_divide },
	{ "bus", die_bus },	    { "illegal", die_illegal }, { "trap", die_trap },
	{ "again", die_again },	    { "handled", die_handled }, { "exit", die_exit },
	{ "wait", die_wait },	    { "asked", die_asked },     { "memory", die_memory },
	{ "heap", die_heap },	    { "leave", die_leave },	{ "filter", die_filter },
};

/* More that spin than that only make the others wait. */
static void *(*root_of(unsigned k, bool idle))(void *)
{
	return roots[idle || k >= 4 * SPINNERS_MAX ? k % 3 : k % 4];
}

/* All that can't run on are where they belong when they are asleep in the kernel. */
static void wait_for_sleepers(unsigned n)
{
	struct timespec pause_ = { .tv_nsec = 20000000 };

	while (arrived < (int)n)
		nanosleep(&pause_, NULL);
	nanosleep(&pause_, NULL);
	nanosleep(&pause_, NULL);
}

int main(int argc, char **argv)
{
	unsigned threads = prog_number(argc, argv, 2, 0);
	bool idle = argc > 3 && !strcmp(argv[3], "idle");
	pthread_attr_t attr;
	char told;
	pthread_t thread;

	for (size_t i = 0; argc > 1 && i < sizeof(deaths) / sizeof(*deaths); i++) {
		if (strcmp(deaths[i].how, argv[1]))
			continue;
		if (pipe(pipes))
			prog_die("pipe");
		pthread_mutex_lock(&held);
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, 65536);
		for (unsigned k = 0; k < threads; k++)
			if (pthread_create(&thread, &attr, root_of(k, idle), NULL))
				prog_die("pthread_create");
		wait_for_sleepers(threads);
		printf("ready %d\n", getpid());
		fflush(stdout);
		if (argc > 4 && read(0, &told, 1) < 0)
			return 1;
		deaths[i].die();
		return 1;
	}
	fprintf(stderr, "usage: crash HOW [THREADS] [all|idle] [told]\n");
	return 2;
}
