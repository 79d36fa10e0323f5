// SPDX-License-Identifier: BSD-2-Clause
/*
 * The walk through this very program, its libraries and the vDSO. Once from signal handlers, where
 * the functions on the way have noted their return addresses themselves; once in a child that is
 * run instruction by instruction, where calls and returns are followed: the walk must be whole and
 * equal after each of them, in every prologue, epilogue, PLT entry and in the dynamic linker.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <alloca.h>
#include <pthread.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/make/own_tables.h"
#include "user/lib/unwind/unwind_table.h"

#ifndef __x86_64__
#error "the registers here are x86-64's"
#endif

/* A function that is here must be a frame of its own: gcc would make parts and copies of it. */
#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noipa))
#endif
#define MOST 1024

/* --- from signal handlers */

static struct {
	uint64_t expected[MOST]; /* return addresses that functions noted, outermost first */
	size_t expected_count;
	struct unwind_memory memory[2];
	uint64_t pcs[MOST];
	size_t count;
	enum unwind_reason reason;
} seen;

#define NO_TAIL_CALL() __asm__ volatile("" ::: "memory")
#define NOTE() (seen.expected[seen.expected_count++] = (uint64_t)__builtin_return_address(0))

static void on_capture(int sig, siginfo_t *info, void *context)
{
	struct unwind_walk walk = {maps, maps_count, seen.memory, 2, EM_X86_64};
	struct unwind_cursor at;

	cursor_of_signal(&at, context);
	seen.reason = unwind_walk(&walk, &at, seen.pcs, MOST, &seen.count);
}

static NOINLINE int capture(void)
{
	NOTE();
	raise(SIGUSR1);
	return 1;
}

static void handle(int sig, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	assert_int_equal(sigaction(sig, &sa, NULL), 0);
}

static void seen_init(void *low, size_t bytes)
{
	memset(&seen, 0, sizeof(seen));
	seen.memory[0] = (struct unwind_memory){(uint64_t)low, low, bytes};
}

/* All that was noted, innermost first and without a hole, but for `holes` calls between groups. */
static void assert_chain(unsigned int holes)
{
	size_t i = 0;

	assert_int_equal(seen.reason, UNWIND_COMPLETE);
	for (size_t e = seen.expected_count; e-- > 0;) {
		size_t from = i;

		while (i < seen.count && seen.pcs[i] + 1 != seen.expected[e])
			i++;
		assert_true(i < seen.count);
		if (e + 1 < seen.expected_count && i != from) {
			assert_true(holes > 0);
			holes--;
		}
		i++;
	}
	assert_int_equal(holes, 0);
}

static NOINLINE int vla(unsigned int n)
{
	volatile char *a = alloca(n);

	NOTE();
	a[0] = a[n - 1] = 1;
	return a[0] + capture();
}

static NOINLINE int realigned(unsigned int n)
{
	volatile char *a = alloca(n);
	volatile char b[64] __attribute__((aligned(64)));

	NOTE();
	a[0] = b[1] = (char)n;
	return a[0] + b[1] + vla(n + 30);
}

static NOINLINE int huge(void)
{
	volatile char a[70 * 1024];

	NOTE();
	a[0] = a[sizeof(a) - 1] = 2;
	return a[0] + realigned((unsigned int)a[0] + 9);
}

static NOINLINE int recursive(int depth)
{
	volatile int v = depth;

	NOTE();
	return depth ? recursive(depth - 1) + v : huge() + v;
}

static void test_frames(void **state)
{
	volatile char here;

	seen_init((void *)((uint64_t)&here - (1 << 20)), 0);
	seen.memory[0].bytes = stack_end - seen.memory[0].base;
	handle(SIGUSR1, on_capture);
	recursive(600);
	assert_chain(0);
	assert_int_equal(seen.expected_count, 605);
}

static int by_sort(const void *a, const void *b)
{
	if (!seen.count) /* once: how often it is asked is qsort's business */
		capture();
	return *(const int *)a - *(const int *)b;
}

static NOINLINE void sorts(void)
{
	int a[2] = {1, 2};

	NOTE();
	qsort(a, 2, sizeof(a[0]), by_sort);
}

/* Through a callback of the C library, whose frames nobody noted. */
static void test_callback(void **state)
{
	volatile char here;

	seen_init((void *)((uint64_t)&here - (1 << 20)), 0);
	seen.memory[0].bytes = stack_end - seen.memory[0].base;
	handle(SIGUSR1, on_capture);
	sorts();
	assert_chain(1);
}

static NOINLINE void in_handler(void)
{
	NOTE();
	realigned(5);
	NO_TAIL_CALL();
}

static void on_second(int sig, siginfo_t *info, void *context)
{
	NOTE();
	in_handler();
	NO_TAIL_CALL();
}

static NOINLINE int interrupted(void)
{
	NOTE();
	raise(SIGUSR2);
	return 3;
}

/* The handler's stack lies elsewhere, and the signal frame leads back. */
static void test_alternate_stack(void **state)
{
	size_t bytes = 256 * 1024;
	stack_t alt = {.ss_sp = malloc(bytes), .ss_size = bytes}, off = {.ss_flags = SS_DISABLE};
	volatile char here;

	assert_int_equal(sigaltstack(&alt, NULL), 0);
	seen_init((void *)((uint64_t)&here - (1 << 20)), 0);
	seen.memory[0].bytes = stack_end - seen.memory[0].base;
	seen.memory[1] = (struct unwind_memory){(uint64_t)alt.ss_sp, alt.ss_sp, bytes};
	handle(SIGUSR1, on_capture);
	handle(SIGUSR2, on_second);
	interrupted();
	sigaltstack(&off, NULL);
	assert_chain(1);
	free(alt.ss_sp);
}

static void *thread(void *arg)
{
	pthread_attr_t attr;
	size_t bytes;
	void *low;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &low, &bytes);
	pthread_attr_destroy(&attr);
	seen_init(low, bytes);
	NOTE();
	huge();
	return NULL;
}

static void test_thread(void **state)
{
	pthread_t t;

	handle(SIGUSR1, on_capture);
	assert_int_equal(pthread_create(&t, NULL, thread, NULL), 0);
	pthread_join(t, NULL);
	assert_chain(0);
}

/* --- instruction by instruction */

static int steps_compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static NOINLINE double steps_frames(unsigned int n)
{
	volatile char *a = alloca(n);
	volatile char b[32] __attribute__((aligned(64)));

	a[0] = b[0] = (char)n;
	return n > 8 ? steps_frames(n - 7) + a[0] : a[0] + b[0];
}

/* What this calls for the first time goes through the dynamic linker's resolver. */
static void steps_workload(void)
{
	int numbers[] = {5, 3, 9, 1}, key = 9;
	struct timespec t;
	size_t n = 4;
	char text[64];
	double d;

	kill(getpid(), SIGSTOP);
	qsort(numbers, n, sizeof(numbers[0]), steps_compare);
	lfind(&key, numbers, &n, sizeof(key), steps_compare);
	clock_gettime(CLOCK_MONOTONIC, &t);
	d = strtod("1.25e17", NULL);
	snprintf(text, sizeof(text), "%.3f %s %ld", d, "text", t.tv_sec);
	setenv("BACKDRAFT_TEST", text, 1);
	steps_frames(40);
	_exit(strchr(text, 't') ? 0 : 1);
}

/* After the prefixes: e8, or ff with 2 in the middle of the next byte; c3 and c2. */
enum flow { FLOW_NONE, FLOW_CALL, FLOW_RETURN };

static enum flow flow_at(pid_t pid, uint64_t ip)
{
	static const uint8_t prefixes[] = {0xf2, 0xf3, 0x66, 0x2e, 0x3e, 0x64, 0x65};
	uint8_t code[16] = {0};
	struct iovec to = {code, sizeof(code)}, from = {(void *)ip, sizeof(code)};
	unsigned int i = 0;

	if (process_vm_readv(pid, &to, 1, &from, 1, 0) <= 0) { /* near the end of a page */
		to.iov_len = from.iov_len = 4096 - (ip & 4095);
		process_vm_readv(pid, &to, 1, &from, 1, 0);
	}
	while (i < 8 && (memchr(prefixes, code[i], sizeof(prefixes)) || (code[i] & 0xf0) == 0x40))
		i++;
	if (code[i] == 0xe8 || (code[i] == 0xff && (code[i + 1] >> 3 & 7) == 2))
		return FLOW_CALL;
	return code[i] == 0xc3 || code[i] == 0xc2 ? FLOW_RETURN : FLOW_NONE;
}

struct stepper {
	pid_t pid;
	struct user_regs_struct u;
	uint64_t shadow[MOST]; /* return addresses, outermost first */
	size_t depth;
	uint64_t pcs[MOST];
	size_t count;
	unsigned long steps, calls;
	uint8_t copy[256 * 1024];
};

static enum unwind_reason stepper_walk(struct stepper *s)
{
	const struct user_regs_struct *u = &s->u;
	const uint64_t regs[16] = {u->rax, u->rdx, u->rcx, u->rbx, u->rsi, u->rdi, u->rbp, u->rsp,
				   u->r8,  u->r9,  u->r10, u->r11, u->r12, u->r13, u->r14, u->r15};
	uint64_t low = u->rsp - 128, bytes = stack_end - low;
	struct unwind_memory memory = {low, s->copy, bytes};
	struct unwind_walk walk = {maps, maps_count, &memory, 1, EM_X86_64};
	struct iovec to = {s->copy, bytes}, from = {(void *)low, bytes};
	struct unwind_cursor at;

	assert_true(bytes <= sizeof(s->copy));
	assert_int_equal(process_vm_readv(s->pid, &to, 1, &from, 1, 0), bytes);
	cursor_init(&at, regs, u->rip);
	return unwind_walk(&walk, &at, s->pcs, MOST, &s->count);
}

static void stepper_compare(struct stepper *s)
{
	enum unwind_reason reason = stepper_walk(s);
	bool same = reason == UNWIND_COMPLETE && s->count == s->depth + 1;

	for (size_t i = 0; same && i < s->depth; i++)
		same = s->pcs[s->count - 1 - i] + 1 == s->shadow[i];
	if (!same)
		fail_msg("step %lu, ip 0x%llx: %s after %zu frames, expected %zu", s->steps,
			 s->u.rip, unwind_reason_name(reason), s->count, s->depth + 1);
}

/* False at the child's exit. */
static bool stepper_step(struct stepper *s)
{
	enum flow flow = flow_at(s->pid, s->u.rip);
	int status;

	assert_int_equal(ptrace(PTRACE_SINGLESTEP, s->pid, NULL, NULL), 0);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	if (WIFEXITED(status)) {
		assert_int_equal(WEXITSTATUS(status), 0);
		return false;
	}
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
	assert_int_equal(ptrace(PTRACE_GETREGS, s->pid, NULL, &s->u), 0);
	if (flow == FLOW_CALL) {
		assert_in_range(s->depth, 0, MOST - 1);
		s->shadow[s->depth++] = (uint64_t)ptrace(PTRACE_PEEKDATA, s->pid, s->u.rsp, NULL);
		s->calls++;
	}
	s->depth -= flow == FLOW_RETURN;
	s->steps++;
	return true;
}

static void test_every_instruction(void **state)
{
	struct stepper *s = calloc(1, sizeof(*s));
	int status;

	assert_non_null(s);
	s->pid = fork();
	if (!s->pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		steps_workload();
	}
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	assert_int_equal(ptrace(PTRACE_GETREGS, s->pid, NULL, &s->u), 0);
	/* the first walk is where following begins; it has main's callers above it */
	assert_int_equal(stepper_walk(s), UNWIND_COMPLETE);
	assert_in_range(s->count, 6, 64);
	s->depth = s->count - 1;
	for (size_t i = 0; i < s->depth; i++)
		s->shadow[i] = s->pcs[s->count - 1 - i] + 1;
	while (stepper_step(s))
		stepper_compare(s);
	print_message("%lu instructions, %lu calls\n", s->steps, s->calls);
	assert_true(s->steps > 5000 && s->calls > 100);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_callback),
		cmocka_unit_test(test_alternate_stack),
		cmocka_unit_test(test_thread),
		cmocka_unit_test(test_every_instruction),
	};

	return cmocka_run_group_tests_name("unwind_walk", tests, own_tables_init,
					   own_tables_release);
}
