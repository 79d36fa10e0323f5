/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs with a known call chain, for comparing walked stacks with for equality.
 *
 * A case calls through functions named chain_… down to one that burns CPU between two time stamps,
 * so that each sample of that thread between them must have exactly the chain of the table:
 * the frames from the leaf to the root, where `+` stands for one or more frames of others (libc, the
 * dynamic loader), `+1` and `+2` for exactly so many, `*` for any number, and `REPEAT` for chain_recurse N times.
 */
#ifndef BD_TEST_CHAINS_H
#define BD_TEST_CHAINS_H

#include "../prog.h"

/* Shared with forked children: who burned, and when, in ns since the epoch. */
struct chain_mark {
	int pid, tid;
	uint64_t begin_ns, end_ns, cpu_ns;
};
extern struct chain_mark *chain_mark;
extern uint64_t chain_burn_ns;
extern unsigned chain_depth;

/* Burns for chain_burn_ns in its own code and marks it. */
void chain_leaf(void);
/* The same for leaves of their own: call begin, then burn until `chain_more` says 0, then end. */
static inline __attribute__((always_inline)) void chain_begin(void)
{
	chain_mark->pid = getpid();
	chain_mark->tid = prog_tid();
	chain_mark->begin_ns = prog_epoch_ns();
	chain_mark->cpu_ns = prog_cpu_ns();
}
static inline __attribute__((always_inline)) int chain_more(void)
{
	return prog_cpu_ns() - chain_mark->cpu_ns < chain_burn_ns;
}
static inline __attribute__((always_inline)) void chain_end(void)
{
	chain_mark->end_ns = prog_epoch_ns();
	chain_mark->cpu_ns = prog_cpu_ns() - chain_mark->cpu_ns;
}

void chain_plain(void);
void chain_recursion(void);
void chain_vla(void);
void chain_bigframe(void);
void chain_realign(void);
void chain_longjmp(void);
void chain_qsort(void);
void chain_thread(void);
void chain_fork(void);
void chain_vdso(void);
void chain_syscall(void);
void chain_plt(void);
void chain_altstack(void);
void chain_first(void);
void chain_timer(void);
void chain_dlopen(void);
void chain_jit(void);

#endif
