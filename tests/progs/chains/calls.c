// SPDX-License-Identifier: BSD-2-Clause
/* Cases that differ in how the functions' frames look and who calls them. */
#include <setjmp.h>
#include <sys/wait.h>
#include "chains.h"

static PROG_WHOLE void chain_inner(int a)
{
	volatile int room[7] = { a };

	chain_leaf();
	room[1] = room[0];
}

/* Seven arguments and values that live across the call: pushes, and arguments on the stack. */
static PROG_WHOLE int chain_middle(int a, int b, int c, int d, int e, int f, int g, int h)
{
	chain_inner(a + g);
	return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h;
}

static PROG_WHOLE int chain_outer(int a)
{
	return chain_middle(a, a + 1, a + 2, a + 3, a + 4, a + 5, a + 6, a + 7) + a;
}

PROG_WHOLE void chain_plain(void)
{
	volatile int sink = chain_outer(getpid());

	(void)sink;
}

static PROG_WHOLE unsigned chain_recurse(unsigned left)
{
	volatile unsigned here = left;

	if (left > 1)
		here += chain_recurse(left - 1);
	else
		chain_leaf();
	return here;
}

PROG_WHOLE void chain_recursion(void)
{
	volatile unsigned sink = chain_recurse(chain_depth);

	(void)sink;
}

static PROG_WHOLE void chain_vla_user(size_t n)
{
	volatile char room[n];

	room[n - 1] = 1;
	chain_leaf();
	room[0] = room[n - 1];
}

PROG_WHOLE void chain_vla(void)
{
	chain_vla_user((size_t)(getpid() % 1000) + 3000);
	PROG_STAY();
}

static PROG_WHOLE void chain_big(char *from)
{
	volatile char room[70 << 10];

	room[sizeof(room) - 1] = from[0];
	room[0] = 1;
	chain_leaf();
	from[1] = room[0];
}

static PROG_WHOLE void chain_bigger(void)
{
	char room[140 << 10];

	memset(room, 1, sizeof(room));
	chain_big(room);
	__asm__ volatile("" ::"r"(room) : "memory");
}

PROG_WHOLE void chain_bigframe(void)
{
	chain_bigger();
	PROG_STAY();
}

static PROG_WHOLE void chain_aligned(size_t n)
{
	/* Aligned beyond what the ABI promises and of a size that only the caller knows. */
	volatile char fixed[128] __attribute__((aligned(128)));
	volatile char room[n];

	fixed[0] = 1;
	room[n - 1] = 1;
	chain_leaf();
	room[0] = fixed[(int)room[n - 1]];
	__asm__ volatile("" ::"r"(room));
}

PROG_WHOLE void chain_realign(void)
{
	chain_aligned((size_t)(getpid() % 100) + 100);
	PROG_STAY();
}

static jmp_buf jump;

static PROG_WHOLE void chain_jump(int depth)
{
	volatile char room[4096];

	room[0] = 1;
	if (depth)
		chain_jump(depth - 1);
	else if (room[0])
		longjmp(jump, 1);
	room[1] = room[0];
}

static PROG_WHOLE void chain_landed(void)
{
	chain_leaf();
	PROG_STAY();
}

PROG_WHOLE void chain_longjmp(void)
{
	if (!setjmp(jump))
		chain_jump(5);
	else
		chain_landed();
	PROG_STAY();
}

static PROG_WHOLE int chain_compare(const void *a, const void *b)
{
	if (!chain_mark->begin_ns)
		chain_leaf();
	return *(const int *)a - *(const int *)b;
}

PROG_WHOLE void chain_qsort(void)
{
	int numbers[64];

	for (int i = 0; i < 64; i++)
		numbers[i] = (i * 37) % 64;
	qsort(numbers, 64, sizeof(numbers[0]), chain_compare);
	PROG_STAY();
}

static PROG_WHOLE void chain_thread_inner(void)
{
	chain_leaf();
	PROG_STAY();
}

static PROG_WHOLE void *chain_thread_main(void *arg)
{
	chain_thread_inner();
	PROG_STAY();
	return arg;
}

PROG_WHOLE void chain_thread(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, chain_thread_main, NULL);
	if (errno)
		prog_die("pthread_create");
	pthread_join(thread, NULL);
}

static PROG_WHOLE void chain_child(void)
{
	chain_leaf();
	_exit(0);
}

PROG_WHOLE void chain_fork(void)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		prog_die("fork");
	if (!pid)
		chain_child();
	if (waitpid(pid, &status, 0) != pid || status)
		prog_die("waitpid");
}
