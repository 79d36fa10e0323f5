// SPDX-License-Identifier: BSD-2-Clause
/* Cases in signal handlers: the frame below the handler is the kernel's, not a caller's. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include "chains.h"

#define ALT_BYTES (256u << 10)

static void handle(int signal_number, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = handler;
	action.sa_flags = SA_SIGINFO | flags;
	if (sigaction(signal_number, &action, NULL))
		prog_die("sigaction");
}

/* Continues behind the instruction that trapped. */
static void skip_instruction(void *context)
{
	ucontext_t *uc = context;

#if defined(__x86_64__)
	uc->uc_mcontext.gregs[REG_RIP] += 2;
#else
	uc->uc_mcontext.pc += 4;
#endif
}

static PROG_WHOLE void chain_on_signal(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	chain_leaf();
	skip_instruction(context);
}

static PROG_WHOLE void chain_trip(int n)
{
	volatile int room[30] = { n };

#if defined(__x86_64__)
	__asm__ volatile("ud2" ::: "memory");
#else
	__asm__ volatile("udf #0" ::: "memory");
#endif
	room[1] = room[0];
}

PROG_WHOLE void chain_altstack(void)
{
	stack_t stack = { .ss_size = ALT_BYTES };

	stack.ss_sp = mmap(NULL, ALT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL))
		prog_die("sigaltstack");
	handle(SIGILL, chain_on_signal, SA_ONSTACK);
	chain_trip(1);
	PROG_STAY();
}

/*
 * The trap is the very first instruction: a walk that takes the address before it, as one does for
 * return addresses, lands in the function in front, which has another frame.
 */
void chain_trap(void);
#if defined(__x86_64__)
#define TRAP "ud2"
#define RETURN "ret"
#define GROW "sub $4096, %rsp"
#define SHRINK "add $4096, %rsp"
#else
#define TRAP "udf #0"
#define RETURN "ret"
#define GROW "sub sp, sp, #4096"
#define SHRINK "add sp, sp, #4096"
#endif
__asm__(".text\n"
	".globl chain_before\n"
	".type chain_before, %function\n"
	"chain_before:\n"
	"	.cfi_startproc\n"
	"	" GROW "\n"
	"	.cfi_adjust_cfa_offset 4096\n"
	"	" SHRINK "\n"
	"	" TRAP "\n" /* no return: the rule of 4096 reaches to the end */
	"	.cfi_endproc\n"
	".size chain_before, . - chain_before\n"
	".globl chain_trap\n"
	".type chain_trap, %function\n"
	"chain_trap:\n"
	"	.cfi_startproc\n"
	"	" TRAP "\n"
	"	" RETURN "\n"
	"	.cfi_endproc\n"
	".size chain_trap, . - chain_trap\n");

static PROG_WHOLE void chain_on_first(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	chain_leaf();
	skip_instruction(context);
}

PROG_WHOLE void chain_first(void)
{
	handle(SIGILL, chain_on_first, 0);
	chain_trap();
	PROG_STAY();
}

static volatile sig_atomic_t timer_came;

static PROG_WHOLE void chain_on_timer(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	(void)context;
	chain_leaf();
	timer_came = 1;
}

/* Interrupted anywhere: between any two instructions of a loop with pushes and pops. */
static PROG_WHOLE void chain_spin(void)
{
	while (!timer_came)
		__asm__ volatile("" ::: "memory");
}

PROG_WHOLE void chain_timer(void)
{
	struct itimerval in = { .it_value = { 0, 20000 } };

	handle(SIGALRM, chain_on_timer, 0);
	if (setitimer(ITIMER_REAL, &in, NULL))
		prog_die("setitimer");
	chain_spin();
	PROG_STAY();
}
