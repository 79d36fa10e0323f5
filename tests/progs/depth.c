// SPDX-License-Identifier: BSD-2-Clause
/*
 * depth [FRAMES [ROUNDS [SWEEP_KB]]]: works at the bottom of a stack of FRAMES frames (30), those
 * of main and of the C library's start included; built without frame pointers. ROUNDS of work,
 * which is always the same, so that a slower machine takes longer; 0, the default: until it is
 * killed. Each round reads SWEEP_KB of memory besides, so that nothing else stays in the caches.
 * Prints what it was and how long it took.
 */
#include "prog.h"

#define OWN_FRAMES 5 /* the work, main, and three of glibc's: call_main, start_main, _start */
#define CACHE_LINE 64

static uint64_t rounds, done;
static volatile char *sweep;
static size_t sweep_bytes;

static PROG_WHOLE int depth_work(void)
{
	uint64_t x = 1;

	while (!rounds || done < rounds) {
		x = prog_work(x);
		for (size_t i = 0; i < sweep_bytes; i += CACHE_LINE)
			x += (uint64_t)sweep[i];
		done++;
	}
	__asm__ volatile("" ::"r"(x));
	return 0;
}

static PROG_WHOLE int depth_next(unsigned left);

/* Frames of different sizes, so of different rules, and with values that live across the call. */
#define LEVEL(name, bytes)                                                                         \
	static PROG_WHOLE int name(unsigned left)                                                  \
	{                                                                                          \
		volatile char room[bytes];                                                         \
		int here;                                                                          \
                                                                                                   \
		room[0] = (char)left;                                                              \
		here = depth_next(left - 1);                                                       \
		return here + room[0] + (int)left;                                                 \
	}

LEVEL(depth_a, 16)
LEVEL(depth_b, 40)
LEVEL(depth_c, 72)
LEVEL(depth_d, 136)
LEVEL(depth_e, 264)
LEVEL(depth_f, 24)
LEVEL(depth_g, 104)
LEVEL(depth_h, 200)

/* Its calls are jumps: it has no frame of its own by the time that the next level runs. */
static PROG_WHOLE int depth_next(unsigned left)
{
	static int (*const levels[])(unsigned) = {depth_a, depth_b, depth_c, depth_d,
						  depth_e, depth_f, depth_g, depth_h};

	return left ? levels[left % 8](left) : depth_work();
}

int main(int argc, char **argv)
{
	uint64_t frames = prog_number(argc, argv, 1, 30), begun = prog_wall_ns();
	int sum;

	if (frames < OWN_FRAMES || frames > 100000) {
		fprintf(stderr, "depth: FRAMES: %d to 100000\n", OWN_FRAMES);
		return 2;
	}
	rounds = prog_number(argc, argv, 2, 0);
	sweep_bytes = prog_number(argc, argv, 3, 0) << 10;
	sweep = malloc(sweep_bytes + 1);
	if (!sweep)
		prog_die("depth: memory");
	memset((void *)sweep, 1, sweep_bytes + 1);
	sum = depth_next((unsigned)frames - OWN_FRAMES);
	__asm__ volatile("" ::"r"(sum));
	printf("{\"pid\": %d, \"frames\": %llu, \"wall_ns\": %llu, \"cpu_ns\": %llu}\n", getpid(),
	       (unsigned long long)frames, (unsigned long long)(prog_wall_ns() - begun),
	       (unsigned long long)prog_cpu_ns());
	return 0;
}
