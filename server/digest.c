// SPDX-License-Identifier: BSD-2-Clause
#include "server/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/packed.h"
#include "user/lib/base/array.h"
#include "user/lib/base/pairs.h"

#define NONE UINT32_MAX

/* While one is made: where each text of the report is, and the rows that were made already. */
struct maker {
	const struct report *r;
	const struct limits *limits;
	struct digest *d;
	uint32_t *text_at; /* of each entry of `strings`, 0 is not yet */
	size_t text_cap;
	uint32_t *function_of, *node_of; /* of each row of frames and of stacks */
	struct pairs functions, nodes, threads;
	int status;
};

static uint32_t add_text(struct maker *m, const char *text)
{
	struct digest *d = m->d;
	size_t len = text ? strlen(text) : 0;
	uint32_t at = d->text_bytes;

	if (!len || m->status)
		return 0;
	m->status = array_reserve((void **)&d->text, &m->text_cap, d->text_bytes, len + 1, 1);
	if (m->status)
		return 0;
	memcpy(d->text + at, text, len + 1);
	d->text_bytes += len + 1;
	return at;
}

static uint32_t add_ref(struct maker *m, uint32_t ref)
{
	if (!m->text_at[ref])
		m->text_at[ref] = add_text(m, report_text(m->r, ref));
	return m->text_at[ref];
}

/* The path is kept whole: two libraries of one name in different places are different ones. */
static uint32_t module_ref(struct maker *m, int32_t module)
{
	return module < 0 ? 0 : add_ref(m, m->r->modules.path[module]);
}

/* The row of a pair, which is new where the map says so; NONE over the limit. */
static uint32_t row_of(struct maker *m, struct pairs *pairs, uint32_t a, uint32_t b, size_t n,
		       size_t most, bool *ret_new)
{
	uint32_t *at = pairs_at(pairs, a, b);

	*ret_new = false;
	if (!at) {
		m->status = -ENOMEM;
		return NONE;
	}
	if (*at != PAIRS_NEW)
		return *at;
	if (n >= most) {
		m->d->dropped++;
		return NONE;
	}
	*ret_new = true;
	return *at = n;
}

static uint32_t function_row(struct maker *m, uint32_t frame)
{
	const struct report_frames *f = &m->r->frames;
	struct digest *d = m->d;
	uint32_t name, module, row;
	bool is_new;

	if (m->function_of[frame])
		return m->function_of[frame] - 1;
	name = add_ref(m, f->name[frame]);
	module = module_ref(m, f->module[frame]);
	row = row_of(m, &m->functions, name, module, d->n_functions, m->limits->functions, &is_new);
	if (is_new)
		d->functions[d->n_functions++] = (struct digest_function){name, module};
	if (row != NONE)
		m->function_of[frame] = row + 1;
	return row;
}

/* Rows of stacks that differ only in the line are one node. What is over the limit counts to the
 * node of its caller. */
static void make_nodes(struct maker *m)
{
	const struct report_stacks *s = &m->r->stacks;
	struct digest *d = m->d;

	for (size_t i = 0; i < s->n && !m->status; i++) {
		uint32_t parent = s->parent[i] < 0 ? NONE : m->node_of[s->parent[i]];
		uint32_t function = function_row(m, s->frame[i]), row = NONE;
		bool is_new = false;

		if (function != NONE)
			row = row_of(m, &m->nodes, parent, function, d->n_nodes, m->limits->stacks,
				     &is_new);
		if (is_new)
			d->nodes[d->n_nodes++] = (struct digest_node){parent, function, 0};
		m->node_of[i] = row == NONE ? parent : row;
	}
}

static void add_samples(struct maker *m)
{
	const struct report_samples *s = &m->r->samples;

	for (size_t i = 0; i < s->n; i++) {
		uint32_t node = s->stack[i] < 0 ? NONE : m->node_of[s->stack[i]];

		if (node != NONE)
			m->d->nodes[node].self_ns += s->weight_ns[i];
	}
	m->d->samples = s->n;
}

/* Threads of one name in one process's name are one. */
static void make_threads(struct maker *m)
{
	const struct report_threads *t = &m->r->threads;
	struct digest *d = m->d;

	for (size_t i = 0; i < t->n && !m->status; i++) {
		uint32_t process = add_ref(m, t->process[i]), name = add_ref(m, t->name[i]), row;
		bool is_new;

		d->cpu_ns += t->on_cpu_ns[i];
		row = row_of(m, &m->threads, process, name, d->n_threads, t->n, &is_new);
		if (is_new)
			d->threads[d->n_threads++] = (struct digest_thread){process, name, 0, 0};
		if (row == NONE)
			continue;
		d->threads[row].on_cpu_ns += t->on_cpu_ns[i];
		d->threads[row].wait_ns += t->wait_ns[i];
	}
}

static void make_facts(struct maker *m)
{
	const struct report *r = m->r;
	static const uint8_t none[REPORT_ID_BYTES];
	struct digest *d = m->d;

	memcpy(d->id, r->id, sizeof(d->id));
	memcpy(d->host, r->host.id, sizeof(d->host));
	d->has_host = memcmp(d->host, none, sizeof(none));
	d->incomplete = r->incomplete;
	d->created_ns = r->created_ns;
	d->start_ns = r->window.start_ns;
	d->trigger_ns = r->window.trigger_ns;
	d->end_ns = r->window.end_ns;
	d->kind = add_text(m, r->trigger.kind);
	d->client = add_text(m, r->client.name ? r->client.name : r->trigger.client);
	d->metric = add_text(m, r->trigger.metric);
	d->explanation = add_text(m, r->trigger.explanation);
	d->version = add_text(m, r->client.version);
	d->label = add_text(m, r->host.label);
	d->value = r->trigger.value;
	d->expected = r->trigger.expected;
	d->threshold = r->trigger.threshold;
	d->facts = (struct digest_facts){
		.cpu_model = add_text(m, r->host.cpu_model),
		.disk = add_text(m, r->host.disk),
		.os = add_text(m, r->host.os),
		.kernel = add_text(m, r->host.kernel),
		.arch = add_text(m, r->host.arch),
		.virtualisation = add_text(m, r->host.virtualisation),
		.agent = add_text(m, r->agent.version),
		.cpus = r->host.cpus,
		.memory_bytes = r->host.memory_bytes,
	};
}

static void make_series(struct maker *m)
{
	struct packed packed = {0};

	packed_series(&packed, &m->r->series);
	m->d->series = packed.data;
	m->d->series_bytes = packed.n;
	m->status = m->status ? m->status : packed.status;
}

/* Room for the most that there can be. */
static int allocate(struct maker *m)
{
	const struct report *r = m->r;
	struct digest *d = m->d;

	m->text_at = calloc(r->strings.n + 1, sizeof(*m->text_at));
	m->function_of = calloc(r->frames.n + 1, sizeof(*m->function_of));
	m->node_of = calloc(r->stacks.n + 1, sizeof(*m->node_of));
	d->functions = calloc(r->frames.n + 1, sizeof(*d->functions));
	d->nodes = calloc(r->stacks.n + 1, sizeof(*d->nodes));
	d->threads = calloc(r->threads.n + 1, sizeof(*d->threads));
	if (!m->text_at || !m->function_of || !m->node_of || !d->functions || !d->nodes ||
	    !d->threads)
		return -ENOMEM;
	/* Offset 0 is "". */
	m->status = array_reserve((void **)&d->text, &m->text_cap, 0, 1, 1);
	if (!m->status)
		d->text[d->text_bytes++] = '\0';
	return m->status;
}

int digest_report(const struct report *r, const struct limits *limits, struct digest **ret)
{
	struct maker m = {.r = r, .limits = limits, .d = calloc(1, sizeof(*m.d))};

	if (!m.d)
		return -ENOMEM;
	m.status = allocate(&m);
	if (!m.status) {
		make_facts(&m);
		make_nodes(&m);
	}
	if (!m.status) {
		add_samples(&m);
		make_threads(&m);
		make_series(&m);
	}
	free(m.text_at);
	free(m.function_of);
	free(m.node_of);
	pairs_release(&m.functions);
	pairs_release(&m.nodes);
	pairs_release(&m.threads);
	if (m.status) {
		digest_free(m.d);
		return m.status;
	}
	m.d->bytes = sizeof(*m.d) + m.text_cap + m.d->series_bytes +
		     (r->frames.n + 1) * sizeof(*m.d->functions) +
		     (r->stacks.n + 1) * sizeof(*m.d->nodes) +
		     (r->threads.n + 1) * sizeof(*m.d->threads);
	*ret = m.d;
	return 0;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	free(d->functions);
	free(d->nodes);
	free(d->threads);
	free(d->series);
	free(d->text);
	free(d);
}
