/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the test programs share: clocks that are read without libc's frames between, and burning CPU
 * by the thread's own clock. The programs print what they did as JSON, so that a test compares the
 * report with what the program says of itself and not with another profiler's opinion.
 */
#ifndef BD_TEST_PROG_H
#define BD_TEST_PROG_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PROG_MS 1000000ull
#define PROG_S 1000000000ull

#ifdef __clang__
#define PROG_WHOLE __attribute__((noinline))
#else
#define PROG_WHOLE __attribute__((noipa))
#endif
/* After a call in tail position: the caller's frame must stay. */
#define PROG_STAY() __asm__ volatile("" ::: "memory")

/* A system call without libc, whose code has no frame pointers and would hide our caller. */
static inline __attribute__((always_inline)) long prog_syscall3(long number, long a, long b, long c)
{
#if defined(__x86_64__)
	long rc;

	__asm__ volatile("syscall"
			 : "=a"(rc)
			 : "0"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return rc;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
#else
#error "no system calls for this architecture"
#endif
}

static inline __attribute__((always_inline)) uint64_t prog_clock_ns(clockid_t clock)
{
	struct timespec ts;

	prog_syscall3(SYS_clock_gettime, clock, (long)&ts, 0);
	return (uint64_t)ts.tv_sec * PROG_S + (uint64_t)ts.tv_nsec;
}

#define prog_cpu_ns() prog_clock_ns(CLOCK_THREAD_CPUTIME_ID)
#define prog_process_cpu_ns() prog_clock_ns(CLOCK_PROCESS_CPUTIME_ID)
#define prog_wall_ns() prog_clock_ns(CLOCK_MONOTONIC)
#define prog_epoch_ns() prog_clock_ns(CLOCK_REALTIME)

/* About 20 to 50 us of arithmetic that the compiler can't fold. */
static inline __attribute__((always_inline)) uint64_t prog_work(uint64_t x)
{
	for (int i = 0; i < 20000; i++)
		x = x * 6364136223846793005ull + 1442695040888963407ull;
	__asm__ volatile("" : "+r"(x));
	return x;
}

/* Burns `ns` of the calling thread's CPU time within the caller's own code; returns what it took. */
static inline __attribute__((always_inline)) uint64_t prog_burn(uint64_t ns)
{
	uint64_t start = prog_cpu_ns(), now = start, x = start;

	while (now - start < ns) {
		x = prog_work(x);
		now = prog_cpu_ns();
	}
	return now - start;
}

/* run and wait ns of the calling thread as the scheduler keeps them; 0, or -errno. */
static inline int prog_schedstat(uint64_t *ret_run_ns, uint64_t *ret_wait_ns)
{
	unsigned long long run, wait;
	char text[128];
	ssize_t n;
	int fd;

	fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -EIO;
	text[n] = '\0';
	if (sscanf(text, "%llu %llu", &run, &wait) != 2)
		return -EINVAL;
	*ret_run_ns = run;
	*ret_wait_ns = wait;
	return 0;
}

static inline __attribute__((noreturn)) void prog_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

/* A number from the command line, or `otherwise` where it is absent. */
static inline uint64_t prog_number(int argc, char **argv, int i, uint64_t otherwise)
{
	return i < argc ? strtoull(argv[i], NULL, 10) : otherwise;
}

static inline void prog_name(const char *name)
{
	prctl(PR_SET_NAME, name);
}

static inline int prog_tid(void)
{
	return (int)syscall(SYS_gettid);
}

#endif
