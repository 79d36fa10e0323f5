// SPDX-License-Identifier: BSD-2-Clause
/* Functions and stacks of a synthetic report. */
#include "tools/synth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PATH 256

_Noreturn void die(const char *what)
{
	fprintf(stderr, "synth-report: %s: %s\n", what, strerror(errno ? errno : ENOMEM));
	exit(1);
}

/* splitmix64 (Steele, Lea, Flood 2014) */
uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t next_random(struct synth *s)
{
	return mix(s->random += 0x9e3779b97f4a7c15u);
}

uint64_t below(struct synth *s, uint64_t n)
{
	return next_random(s) % n;
}

double uniform(struct synth *s)
{
	return (next_random(s) >> 11) * 0x1p-53;
}

uint32_t intern(struct synth *s, const char *text)
{
	int64_t index = report_intern(&s->r, text);

	if (index < 0)
		die("strings");
	return index;
}

static const char *const kinds[] = {"native", "kernel", "inlined", "jit", "cut"};
enum { NATIVE, KERNEL, INLINED, JIT, CUT };

static uint32_t frame_of(struct synth *s, const char *name, int module, int kind)
{
	uint32_t ref = intern(s, name), slot = mix(ref * 8ull + kind) & s->names_mask;
	struct report_frames *f = &s->r.frames;
	uint64_t hash = mix(ref);
	int64_t row;

	for (; s->frames_by_name[slot]; slot = (slot + 1) & s->names_mask) {
		row = s->frames_by_name[slot] - 1;
		if (f->name[row] == ref && f->kind[row] == intern(s, kinds[kind]))
			return row;
	}
	row = report_frames_add(f);
	if (row < 0 || (uint64_t)row * 2 > s->names_mask)
		die("frames");
	f->name[row] = ref;
	f->module[row] = kind == CUT ? -1 : module;
	f->offset[row] = hash & 0xffffff;
	f->kind[row] = intern(s, kinds[kind]);
	if (module == M_APP && kind != CUT) {
		char file[64];

		snprintf(file, sizeof(file), "src/%s/%s.cc", namespaces[hash % 15],
			 verbs[hash / 16 % 20]);
		f->file[row] = intern(s, file);
		f->line[row] = 20 + hash % 900;
	}
	s->frames_by_name[slot] = row + 1;
	return row;
}

/* Row of the stack whose leaf is `frame`, called from the stack `parent`. */
static int32_t stack_of(struct synth *s, int32_t parent, uint32_t frame, bool *ret_new)
{
	uint32_t slot = mix((uint64_t)(uint32_t)parent << 32 | frame) & s->tree_mask;
	struct report_stacks *t = &s->r.stacks;
	int64_t row;

	*ret_new = false;
	for (; s->tree[slot]; slot = (slot + 1) & s->tree_mask) {
		row = s->tree[slot] - 1;
		if (t->parent[row] == parent && t->frame[row] == frame)
			return row;
	}
	row = report_stacks_add(t);
	if (row < 0 || (uint64_t)row * 4 > s->tree_mask * 3ull)
		die("stacks");
	t->parent[row] = parent;
	t->frame[row] = frame;
	s->tree[slot] = row + 1;
	*ret_new = true;
	return row;
}

struct path {
	size_t n;
	uint32_t frame[MAX_PATH];
};

/* "a|b|[k]c|[i]d": frames of `module`, unless they say that they are of the kernel or inlined. */
static void path_add_chain(struct synth *s, struct path *p, const char *chain, int module)
{
	char text[1024], *save = NULL;

	snprintf(text, sizeof(text), "%s", chain);
	for (char *name = strtok_r(text, "|", &save); name; name = strtok_r(NULL, "|", &save)) {
		int kind = module == M_KERNEL ? KERNEL : NATIVE, in = module;

		if (!strncmp(name, "[k]", 3)) {
			name += 3;
			kind = KERNEL;
			in = M_KERNEL;
		} else if (!strncmp(name, "[i]", 3)) {
			name += 3;
			kind = INLINED;
		} else if (strstr(name, "checkout::") == name) {
			in = M_APP;
		}
		if (p->n < MAX_PATH)
			p->frame[p->n++] = frame_of(s, name, in, kind);
	}
}

/* Function number `id` of a module's own pool. */
static uint32_t pool_frame(struct synth *s, enum synth_module module, uint64_t id)
{
	uint64_t h = mix(id * 31 + module);
	char name[160];
	int kind = module == M_KERNEL ? KERNEL : module == M_JIT ? JIT : NATIVE;

	if (s->o.hostile && h % 5 == 0)
		return frame_of(s, hostile[h / 5 % (sizeof(hostile) / sizeof(*hostile))], module,
				kind);
	if (module == M_KERNEL) {
		snprintf(name, sizeof(name), "%s_%s_%s", kernel_parts[h % 16], verbs[h / 16 % 20],
			 nouns[h / 512 % 16]);
	} else if (module == M_JIT) {
		snprintf(name, sizeof(name), "%s%c%s /srv/shop/%s.js:%d", verbs[h % 20],
			 nouns[h / 32 % 16][0] - 32, nouns[h / 32 % 16] + 1,
			 namespaces[h / 512 % 15], (int)(h / 8192 % 400) + 1);
	} else if (module == M_POSTGRES) {
		snprintf(name, sizeof(name), "Exec%c%s%c%s", classes[h % 18][0],
			 classes[h % 18] + 1, nouns[h / 32 % 16][0] - 32, nouns[h / 32 % 16] + 1);
	} else {
		if (h % 4 == 0)
			kind = INLINED;
		snprintf(name, sizeof(name), "checkout::%s::%s%s::%s_%s(checkout::%s::%s const&)",
			 namespaces[h / 4 % 15], classes[h / 64 % 18],
			 h / 2048 % 3 ? "" : "<double, 8>", verbs[h / 8192 % 20],
			 nouns[h / 262144 % 16], namespaces[h / 4 % 15], classes[h / 4194304 % 18]);
	}
	return frame_of(s, name, module, kind);
}

uint64_t choose(struct synth *s, uint64_t fan)
{
	double u = uniform(s);

	return (uint64_t)(u * u * u * fan);
}

/* A walk through a call graph that is the same each time: where one is decides what can follow. */
static void path_add_body(struct synth *s, struct path *p, const struct synth_role *role)
{
	uint64_t id = role->pid, length = 1 + below(s, s->o.depth);

	for (uint64_t i = 0; i < length && p->n < MAX_PATH; i++) {
		id = mix(id * 16 + choose(s, i < 3 ? 2 : 5)) % 3000;
		p->frame[p->n++] = pool_frame(s, role->body, id);
	}
}

static void path_add_tail(struct synth *s, struct path *p)
{
	unsigned int pick = below(s, 2 * 83);

	for (size_t i = 0; i < N_TAILS; i++) {
		if (pick < tails[i].weight) {
			path_add_chain(s, p, tails[i].chain, tails[i].first);
			return;
		}
		pick -= tails[i].weight;
	}
}

/* True where it is in what burns. */
static bool make_path(struct synth *s, const struct synth_role *role, struct path *p)
{
	bool hot = role->burns && uniform(s) < 0.1;

	p->n = 0;
	path_add_chain(s, p, role->chain, role->root);
	if (hot) {
		uint64_t rows = 1 + choose(s, 24);

		path_add_chain(s, p, HOT_CHAIN, M_APP);
		for (uint64_t i = 0; i < rows && i < 3; i++)
			p->frame[p->n++] = pool_frame(s, M_APP, 7000 + rows * 3 + i);
	} else {
		path_add_body(s, p, role);
	}
	if (role->root != M_KERNEL && uniform(s) < (hot ? 0.1 : 1))
		path_add_tail(s, p);
	if (role->root != M_KERNEL && below(s, 250) == 0) {
		size_t cut = 1 + below(s, p->n - 1);

		memmove(p->frame + 1, p->frame + cut, (p->n - cut) * sizeof(*p->frame));
		p->n = p->n - cut + 1;
		p->frame[0] = frame_of(s, unwind_reasons[below(s, 3)], -1, CUT);
	}
	return hot;
}

/* Any path that nobody has had yet: its leaf is a new row, or becomes a leaf only now. */
void code_make(struct synth *s)
{
	bool *is_leaf = calloc(s->tree_mask + 1ul, sizeof(*is_leaf)), fresh, hot;
	struct path p;

	if (!is_leaf)
		die("stacks");
	for (uint64_t tries = 0; s->n_leaves < s->o.stacks && tries < 200 * s->o.stacks; tries++) {
		uint64_t share = below(s, 1000);
		int32_t stack = -1;
		uint32_t role = 0;

		while (role + 1 < N_ROLES && share >= roles[role].share)
			share -= roles[role++].share;
		hot = make_path(s, &roles[role], &p);
		for (size_t i = 0; i < p.n; i++)
			stack = stack_of(s, stack, p.frame[i], &fresh);
		if (is_leaf[stack])
			continue;
		is_leaf[stack] = true;
		if (hot)
			s->hot[s->n_hot++] = s->n_leaves;
		s->leaf[s->n_leaves] = stack;
		s->leaf_role[s->n_leaves++] = role;
	}
	free(is_leaf);
}

void code_init(struct synth *s)
{
	for (s->tree_mask = 1 << 12; s->tree_mask < 40 * s->o.stacks; s->tree_mask *= 2)
		;
	s->tree_mask--;
	s->names_mask = (1 << 16) - 1;
	s->tree = calloc(s->tree_mask + 1ul, sizeof(*s->tree));
	s->frames_by_name = calloc(s->names_mask + 1ul, sizeof(*s->frames_by_name));
	s->leaf = calloc(s->o.stacks, sizeof(*s->leaf));
	s->leaf_role = calloc(s->o.stacks, sizeof(*s->leaf_role));
	s->hot = calloc(s->o.stacks, sizeof(*s->hot));
	if (!s->tree || !s->frames_by_name || !s->leaf || !s->leaf_role || !s->hot)
		die("memory");
	for (int i = 0; i < N_MODULES; i++) {
		int64_t row = report_modules_add(&s->r.modules);

		if (row < 0)
			die("modules");
		s->r.modules.path[row] = intern(s, module_paths[i]);
	}
}

void code_release(struct synth *s)
{
	free(s->tree);
	free(s->frames_by_name);
	free(s->leaf);
	free(s->leaf_role);
	free(s->hot);
}
