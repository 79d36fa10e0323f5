// SPDX-License-Identifier: BSD-2-Clause
/*
 * brief-N MS: burns MS of CPU three calls deep and exits; ten binaries are built of it, without frame
 * pointers and with code of different size, for processes that end before a profiler knows them.
 */
#include "prog.h"

#ifndef VARIANT
#define VARIANT 0
#endif

static PROG_WHOLE void brief_leaf(uint64_t ns)
{
	uint64_t spent = prog_process_cpu_ns();

	if (spent < ns)
		prog_burn(ns - spent);
	PROG_STAY();
}

static PROG_WHOLE void brief_middle(uint64_t ns)
{
	volatile char room[16 * (VARIANT + 1)];

	room[VARIANT] = 1;
	brief_leaf(ns + (uint64_t)room[VARIANT] - 1);
	PROG_STAY();
}

static PROG_WHOLE void brief_outer(uint64_t ns)
{
	__asm__ volatile(".rept 16 * %c0 + 1\n\tnop\n\t.endr" ::"i"(VARIANT));
	brief_middle(ns);
	PROG_STAY();
}

int main(int argc, char **argv)
{
	brief_outer(prog_number(argc, argv, 1, 5) * PROG_MS);
	return 0;
}
