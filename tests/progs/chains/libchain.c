// SPDX-License-Identifier: BSD-2-Clause
/* A library that is opened while the program runs and calls it back. */
#include "../prog.h"

void chain_lib_outer(void (*callback)(void));

static PROG_WHOLE void chain_lib_inner(void (*callback)(void), int n)
{
	volatile int room[40] = { n };

	callback();
	room[1] = room[0];
}

PROG_WHOLE void chain_lib_outer(void (*callback)(void))
{
	chain_lib_inner(callback, 1);
	PROG_STAY();
}
