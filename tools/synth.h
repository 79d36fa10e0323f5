/* SPDX-License-Identifier: BSD-2-Clause */
/* What makes a synthetic report: synth-code.c functions and stacks, synth-make.c the rest. */
#ifndef BD_SYNTH_H
#define BD_SYNTH_H

#include "tools/synth-names.h"
#include "user/lib/profile/report.h"

#define RATE_HZ 99
#define LOAD 0.52   /* of all CPUs, over the whole window */
#define BURN_AT 0.6 /* of the window */

struct options {
	uint64_t seed, stacks, samples, threads, depth, cpus;
	uint64_t code_seed; /* of functions and stacks; 0: `seed`, of everything */
	double seconds;
	bool hostile;
	const char *output; /* NULL: standard output */
};

/* The prefix tree by (parent, frame), the stacks that are leaves, and who may have them. */
struct synth {
	struct options o;
	struct report r;
	uint64_t random;
	uint32_t *tree, *frames_by_name;
	uint32_t tree_mask, names_mask;
	uint32_t *leaf, *leaf_role, *hot;
	size_t n_leaves, n_hot;
	size_t role_first[N_ROLES], role_threads[N_ROLES];
};

/* Says what failed, by errno, and ends the program. */
_Noreturn void die(const char *what);

/* The random numbers: the same for the same seed. */
uint64_t mix(uint64_t z);
uint64_t below(struct synth *s, uint64_t n);
double uniform(struct synth *s);
/* Below `fan`; the small ones far more often. */
uint64_t choose(struct synth *s, uint64_t fan);

uint32_t intern(struct synth *s, const char *text);

/* Room for what code needs, and o.stacks different stacks: `leaf`, `leaf_role` and `hot`. */
void code_init(struct synth *s);
void code_make(struct synth *s);
void code_release(struct synth *s);

/* A whole report in s->r by s->o; exits where memory lacks. */
void synth_make(struct synth *s);
void synth_release(struct synth *s);

#endif
