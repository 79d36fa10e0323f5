// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/unwind/cut_stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/base/pairs.h"

/* What each stack is: ends in user space, and the frame that says why it was cut. */
struct stack_fate {
	bool user;
	uint32_t cut; /* row in frames, or PAIRS_NEW */
};

struct tally {
	struct cut_stacks *process;
	size_t n, cap;
	uint64_t samples; /* of all */
	struct pairs by_pid, by_reason; /* pid -> process; (process, frame) -> cut samples */
};

static const struct {
	const char *reason, *remedy;
} remedies[] = {
	{"frame pointer", "it has neither unwind tables nor frame pointers: build it with "
			  "-fno-omit-frame-pointer or -fasynchronous-unwind-tables"},
	{"no FDE", "a part of its code has neither unwind entries nor frame pointers: build it with "
		   "-fasynchronous-unwind-tables or -fno-omit-frame-pointer"},
	{"no user registers", "this kernel does not say what its user registers are"},
	{"table", "its unwind table was not ready or not readable: record longer, or see "
		  "backdraft doctor"},
	{"copy too short", "its first samples came before its unwind tables, with 64 KB of stack: record "
			   "longer, or name it with -p or -c"},
	{"mapping", "its memory map changed meanwhile: record it again"},
	{"stack not readable", "its stack was paged out"},
	{"exec", "it was between two programs: kernels before 6.10 don't tell how it got there"},
	{"memory gone", "it was exiting: short-lived processes lose their last samples"},
	{"too deep", "it recurses deeper than a stack is recorded"},
};

const char *cut_stacks_remedy(const char *reason)
{
	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
		if (strstr(reason, remedies[i].reason))
			return remedies[i].remedy;
	return "backdraft doctor says what this machine can do";
}

static struct stack_fate *fates_of(const struct report *r)
{
	const struct report_stacks *s = &r->stacks;
	struct stack_fate *fate = malloc((s->n + 1) * sizeof(*fate));

	for (size_t i = 0; fate && i < s->n; i++) {
		const char *kind = report_text(r, r->frames.kind[s->frame[i]]);

		fate[i] = s->parent[i] < 0 ? (struct stack_fate){false, PAIRS_NEW}
					   : fate[s->parent[i]];
		fate[i].user |= strcmp(kind, "kernel") != 0;
		if (!strcmp(kind, "cut"))
			fate[i].cut = s->frame[i];
	}
	return fate;
}

/* The process of that PID in the tally; NULL without memory. */
static struct cut_stacks *tally_process(struct tally *t, uint32_t pid, uint32_t name)
{
	uint32_t *at = pairs_at(&t->by_pid, pid, 0);

	if (!at)
		return NULL;
	if (*at == PAIRS_NEW) {
		if (t->n == t->cap) {
			size_t cap = t->cap ? 2 * t->cap : 64;
			struct cut_stacks *grown = realloc(t->process, cap * sizeof(*grown));

			if (!grown)
				return NULL;
			t->process = grown;
			t->cap = cap;
		}
		t->process[t->n] = (struct cut_stacks){.pid = pid, .process = name};
		*at = t->n++;
	}
	return &t->process[*at];
}

static int tally_samples(struct tally *t, const struct report *r, const struct stack_fate *fate)
{
	const struct report_samples *s = &r->samples;
	bool of_client = report_has_client(r);

	for (size_t i = 0; i < s->n; i++) {
		const struct stack_fate *f = s->stack[i] < 0 ? NULL : &fate[s->stack[i]];
		uint32_t thread = s->thread[i], *reason;
		struct cut_stacks *p;

		if (!f || !f->user || (of_client && !r->threads.client[thread]))
			continue;
		p = tally_process(t, r->threads.pid[thread], r->threads.process[thread]);
		if (!p)
			return -ENOMEM;
		p->samples++;
		t->samples++;
		if (f->cut == PAIRS_NEW)
			continue;
		p->cut++;
		reason = pairs_at(&t->by_reason, p - t->process, f->cut);
		if (!reason)
			return -ENOMEM;
		*reason = *reason == PAIRS_NEW ? 1 : *reason + 1;
	}
	return 0;
}

static bool is_over(const struct tally *t, const struct cut_stacks *p)
{
	return p->cut >= CUT_STACKS_LEAST && p->cut * 1000 >= t->samples * CUT_STACKS_SEEN &&
	       p->cut * 100 > p->samples * CUT_STACKS_PERCENT;
}

/* The reason that cut most of the samples of a process. */
static int tally_reason(struct tally *t, const struct report *r, size_t process)
{
	uint32_t most = 0;

	for (uint32_t frame = 0; frame < r->frames.n; frame++) {
		uint32_t *n;

		if (strcmp(report_text(r, r->frames.kind[frame]), "cut"))
			continue;
		n = pairs_at(&t->by_reason, process, frame);
		if (!n)
			return -ENOMEM;
		if (*n == PAIRS_NEW || *n <= most)
			continue;
		most = *n;
		t->process[process].reason = report_text(r, r->frames.name[frame]);
	}
	return 0;
}

int cut_stacks_worst(const struct report *r, struct cut_stacks *ret)
{
	struct stack_fate *fate = fates_of(r);
	struct tally t = {0};
	size_t worst = 0, over = 0;
	int status = fate ? tally_samples(&t, r, fate) : -ENOMEM;

	for (size_t i = 0; i < t.n && !status; i++) {
		if (!is_over(&t, &t.process[i]))
			continue;
		if (!over++ || t.process[i].cut > t.process[worst].cut)
			worst = i;
	}
	if (over && !status)
		status = tally_reason(&t, r, worst);
	if (over && !status) {
		*ret = t.process[worst];
		ret->others = over - 1;
		status = 1;
	}
	free(fate);
	free(t.process);
	pairs_release(&t.by_pid);
	pairs_release(&t.by_reason);
	return status;
}
