// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/view/summary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/lib/unwind/cut_stacks.h"
#include "user/lib/view/functions.h"
#include "user/lib/base/metric.h"
#include "user/lib/view/summary_dump.h"
#include "user/lib/view/summary_seconds.h"
#include "user/lib/base/summary_text.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_LEAST 60
#define ROWS_DEFAULT 10

#define BOLD "\033[1m"
#define RED "\033[1;31m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

struct summary {
	const struct report *r;
	struct out *out;
	unsigned int columns, rows;
	bool colour;
	bool client; /* some threads are the client's */
	uint64_t duration_ns;
};

static void paint(struct summary *s, const char *colour)
{
	if (s->colour)
		out_text(s->out, colour);
}

/* The word at the left that says what a line is about. */
static void head(struct summary *s, const char *word)
{
	paint(s, BOLD);
	out_printf(s->out, "%-9s", word);
	paint(s, PLAIN);
}

static int warn_of_cuts(struct summary *s)
{
	struct cut_stacks worst;
	int found = cut_stacks_worst(s->r, &worst);

	if (found <= 0)
		return found;
	paint(s, RED);
	out_printf(s->out, "WARNING: %.0f %% of the %llu user stacks of ",
		   summary_percent(worst.cut, worst.samples), (unsigned long long)worst.samples);
	summary_name(s->out, report_text(s->r, worst.process), 40);
	out_printf(s->out, " (%u) are cut short", worst.pid);
	if (worst.others)
		out_printf(s->out, ", and of %u other process%s too many", worst.others,
			   worst.others > 1 ? "es" : "");
	out_text(s->out, ": ");
	summary_name(s->out, worst.reason, 60);
	out_printf(s->out, ", %s", cut_stacks_remedy(worst.reason));
	paint(s, PLAIN);
	out_text(s->out, "\n\n");
	return 0;
}

static void warn_of_nothing(struct summary *s)
{
	if (s->r->threads.n || s->r->dump.threads.n || !s->duration_ns)
		return;
	paint(s, RED);
	out_text(s->out, "WARNING: nothing that was asked for ran in this time; is the name or the "
			 "number right? -c takes the whole name, of which the kernel has 15 bytes");
	paint(s, PLAIN);
	out_text(s->out, "\n\n");
}

static void write_window(struct summary *s)
{
	const struct report_window *w = &s->r->window;
	time_t start = w->start_ns / 1000000000;
	const struct report *r = s->r;
	char when[64] = "", took[SUMMARY_NUMBER_BYTES];
	struct tm tm;

	if (gmtime_r(&start, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	head(s, "window");
	out_printf(s->out, "%s from %s, %llu Hz%s%s", summary_time(s->duration_ns, took), when,
		   (unsigned long long)w->rate_hz, w->event ? " " : "", w->event ? w->event : "");
	if (r->host.cpus)
		out_printf(s->out, ", %llu CPUs", (unsigned long long)r->host.cpus);
	out_text(s->out, r->incomplete ? "; incomplete: it was cut short\n" : "\n");
	if (r->trigger.explanation) {
		head(s, "why");
		summary_name(s->out, r->trigger.explanation, 400);
		out_char(s->out, '\n');
	}
	if (r->command.name) {
		head(s, "command");
		summary_name(s->out, r->command.name, 60);
		if (r->command.exit_status < 0)
			out_text(s->out, ": still running at the end\n");
		else
			out_printf(s->out, ": exit status %lld after %s\n",
				   (long long)r->command.exit_status,
				   summary_time(r->command.elapsed_ns, took));
	}
}

/* What the client's CPU time was like from one time to another, by the series. */
static void write_part(struct summary *s, const char *word, const char *when, int64_t from_ns,
		       int64_t to_ns)
{
	const struct report_series *t = &s->r->series;
	double cpu = 0, user = 0, system = 0;
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (t->t_ns[i] <= from_ns || t->t_ns[i] > to_ns || t->cpu_milli[i] < 0)
			continue;
		n++;
		cpu += t->cpu_milli[i];
		user += t->user_milli[i] > 0 ? t->user_milli[i] : 0;
		system += t->system_milli[i] > 0 ? t->system_milli[i] : 0;
	}
	if (!n)
		return;
	head(s, word);
	out_printf(s->out, "%.2f cores %s the trigger", cpu / n / 1000, when);
	if (user + system > 0)
		out_printf(s->out, ", %.0f %% of it in the kernel", 100 * system / (user + system));
	out_char(s->out, '\n');
}

static void write_series(struct summary *s)
{
	int64_t trigger_ns = s->r->window.trigger_ns;

	write_part(s, "client", "before", INT64_MIN, trigger_ns);
	write_part(s, "", "after", trigger_ns, INT64_MAX);
}

/* What the client did when the trigger came, beside what is normal for it at that hour. */
static void write_normals(struct summary *s)
{
	const struct report_normals *n = &s->r->normals;
	const char *word = "normal";
	char text[METRIC_TEXT];

	for (size_t i = 0; i < n->n; i++) {
		int m = metric_find(report_text(s->r, n->metric[i]));
		bool out = n->value[i] > n->high[i] || (n->value[i] >= 0 && n->value[i] < n->low[i]);

		/* A quota or a pressure that is never felt, and wasn't now, says nothing. */
		if (m < 0 || (n->high[i] <= 0 && n->value[i] <= 0))
			continue;
		head(s, word);
		out_printf(s->out, "%s %s", metric_name(m),
			   metric_range(m, n->low[i], n->high[i], text));
		if (*word && s->r->baseline.hour) {
			out_text(s->out, " at ");
			summary_name(s->out, s->r->baseline.hour, 20);
		}
		if (n->value[i] >= 0) {
			paint(s, out ? RED : PLAIN);
			out_printf(s->out, ", now %s", metric_value(m, n->value[i], text));
			paint(s, PLAIN);
		}
		out_char(s->out, '\n');
		word = "";
	}
}

/* CPUs x time, where it went, and how far the parts are from the whole. */
static void write_machine(struct summary *s)
{
	const struct report_machine *m = &s->r->machine;
	const struct {
		const char *name;
		uint64_t ns;
	} parts[] = {
		{"threads", m->threads_ns},
		{"idle", m->idle_ns},
		{"steal", m->steal_ns},
		{"interrupts", m->irq_ns},
	};
	char text[SUMMARY_NUMBER_BYTES];
	double sum = 0;

	if (!m->capacity_ns)
		return;
	head(s, "machine");
	out_printf(s->out, "%s of CPU =", summary_time(m->capacity_ns, text));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].ns || i < 2)
			out_printf(s->out, "%s %s %.1f %%", sum > 0 || i ? " +" : "", parts[i].name,
				   summary_percent(parts[i].ns, m->capacity_ns));
		sum += parts[i].ns;
	}
	out_printf(s->out, ", error %+.2f %%\n", 100 * (sum / m->capacity_ns - 1));
}

/* Threads of one name in one process, in one line. */
struct group {
	uint32_t process, name, tid, n, client;
	uint64_t on_cpu_ns, wait_ns, switches;
};

static int by_names(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->client != y->client)
		return x->client < y->client ? -1 : 1;
	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static int by_time(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->client != y->client)
		return x->client > y->client ? -1 : 1;
	if (x->on_cpu_ns != y->on_cpu_ns)
		return x->on_cpu_ns > y->on_cpu_ns ? -1 : 1;
	if (x->wait_ns != y->wait_ns)
		return x->wait_ns > y->wait_ns ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

/* The groups, the client's first, then those with the most CPU time; the caller frees them. */
static struct group *group_threads(const struct report *r, size_t *ret_n)
{
	const struct report_threads *t = &r->threads;
	struct group *g = calloc(t->n + 1, sizeof(*g));
	size_t n = 0;

	for (size_t i = 0; g && i < t->n; i++)
		g[i] = (struct group){
			.process = t->process[i],
			.name = t->name[i],
			.tid = t->tid[i],
			.n = 1,
			.client = t->client[i],
			.on_cpu_ns = t->on_cpu_ns[i],
			.wait_ns = t->wait_ns[i],
			.switches = t->switches_voluntary[i] + t->switches_involuntary[i],
		};
	if (!g)
		return NULL;
	qsort(g, t->n, sizeof(*g), by_names);
	for (size_t i = 0; i < t->n; i++) {
		if (!n || by_names(&g[n - 1], &g[i])) {
			g[n++] = g[i];
			continue;
		}
		g[n - 1].n++;
		g[n - 1].on_cpu_ns += g[i].on_cpu_ns;
		g[n - 1].wait_ns += g[i].wait_ns;
		g[n - 1].switches += g[i].switches;
	}
	qsort(g, n, sizeof(*g), by_time);
	*ret_n = n;
	return g;
}

static void write_group(struct summary *s, const struct group *g)
{
	const char *process = report_text(s->r, g->process), *name = report_text(s->r, g->name);
	char cpu[SUMMARY_NUMBER_BYTES], wait[SUMMARY_NUMBER_BYTES], tail[32];
	char switches[SUMMARY_NUMBER_BYTES];
	unsigned int room;

	out_printf(s->out, "%10s %6.1f %10s %6.1f %10s %c", summary_time(g->on_cpu_ns, cpu),
		   summary_percent(g->on_cpu_ns, s->duration_ns), summary_time(g->wait_ns, wait),
		   summary_percent(g->wait_ns, g->wait_ns + g->on_cpu_ns),
		   summary_count(g->switches, switches), g->client ? '*' : ' ');
	if (g->n > 1)
		snprintf(tail, sizeof(tail), " \xc3\x97%u", g->n);
	else
		snprintf(tail, sizeof(tail), " %u", g->tid);
	/* The sign has two bytes. */
	room = s->columns - 48 - strlen(tail) + (g->n > 1);
	room -= summary_name(s->out, process, room);
	if (strcmp(process, name) && room > 2) {
		out_char(s->out, '/');
		summary_name(s->out, *name ? name : "?", room - 1);
	}
	paint(s, DIM);
	out_text(s->out, tail);
	paint(s, PLAIN);
	out_char(s->out, '\n');
}

static int write_threads(struct summary *s)
{
	size_t n, threads = 0, shown[2] = {0, 0}; /* of the others, of the client */
	uint64_t rest = 0;
	struct group *g = group_threads(s->r, &n);
	char text[SUMMARY_NUMBER_BYTES];

	if (!g)
		return -ENOMEM;
	paint(s, BOLD);
	out_text(s->out, "\n  CPU time  % CPU     waited % wait   switches  thread");
	if (s->client)
		out_text(s->out, " (* of the client)");
	out_char(s->out, '\n');
	paint(s, PLAIN);
	for (size_t i = 0; i < n; i++) {
		if (shown[g[i].client != 0]++ < s->rows) {
			write_group(s, &g[i]);
			continue;
		}
		rest += g[i].on_cpu_ns;
		threads += g[i].n;
	}
	if (threads)
		out_printf(s->out, "%10s %6.1f  in %zu more threads\n", summary_time(rest, text),
			   summary_percent(rest, s->duration_ns), threads);
	free(g);
	return 0;
}

static const char *module_of(const struct summary *s, const struct view_label *label)
{
	const struct report *r = s->r;
	const char *path, *slash;
	int32_t module = label->frame == VIEW_NONE ? -1 : r->frames.module[label->frame];

	if (module < 0)
		return "";
	path = report_text(r, r->modules.path[module]);
	slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

static void write_function(struct summary *s, const struct view *v, const struct function *f)
{
	const struct view_label *label = &v->labels[f->label];
	uint64_t whole = v->nodes[0].total;
	const char *module = module_of(s, label);
	unsigned int room = s->columns - 18, extra = strlen(module) ? 3 + strlen(module) : 0;

	extra = extra > room / 2 ? 0 : extra;
	out_printf(s->out, "%7.1f %8.1f  ", summary_percent(f->self, whole),
		   summary_percent(f->total, whole));
	summary_name(s->out, *label->name ? label->name : "?",
		     room - extra - strlen(label->suffix));
	out_text(s->out, label->suffix);
	if (extra) {
		paint(s, DIM);
		out_text(s->out, "  ");
		summary_name(s->out, module, extra);
		paint(s, PLAIN);
	}
	out_char(s->out, '\n');
}

static int write_functions(struct summary *s)
{
	static const char *const titles[] = {"by its own time", "with what it calls"};
	const struct view_options what = {.client = s->client};
	char error[VIEW_ERROR_BYTES];
	struct function *f;
	struct view v;
	size_t n;
	int status = view_build(s->r, &what, &v, error);

	if (status)
		return out_fail(s->out, status, "%s", error);
	status = functions_of(&v, &f, &n);
	for (int table = 0; table < 2 && !status && n; table++) {
		functions_sort(f, n, table);
		paint(s, BOLD);
		out_printf(s->out, "\n self %%  total %%  function%s, %s\n",
			   s->client ? " of the client" : "", titles[table]);
		paint(s, PLAIN);
		for (size_t i = 0; i < n && i < s->rows; i++)
			write_function(s, &v, &f[i]);
	}
	if (!status)
		free(f);
	view_release(&v);
	return status;
}

/* Of the reasons those that say what else was dropped, "what: why", or those of samples alone. */
static void write_some_reasons(struct summary *s, const struct report_counts *c, bool of_samples,
			       const char *before)
{
	for (size_t i = 0; i < c->n; i++) {
		if (of_samples == (strstr(c->name[i], ": ") != NULL))
			continue;
		out_text(s->out, before);
		before = ", ";
		summary_name(s->out, c->name[i], 60);
		out_printf(s->out, " %llu", (unsigned long long)c->count[i]);
	}
}

static void write_reasons(struct summary *s, const struct report_counts *c)
{
	write_some_reasons(s, c, true, ": ");
	write_some_reasons(s, c, false, "; also dropped: ");
	out_char(s->out, '\n');
}

/* What the recording lost, and what it cost. */
static void write_quality(struct summary *s)
{
	const struct report *r = s->r;
	char a[SUMMARY_NUMBER_BYTES], b[SUMMARY_NUMBER_BYTES], c[SUMMARY_NUMBER_BYTES];

	out_char(s->out, '\n');
	head(s, "samples");
	out_printf(s->out, "%s due, %s recorded (%s idle), ", summary_count(r->loss.fired, a),
		   summary_count(r->loss.recorded, b), summary_count(r->loss.idle, c));
	/* Where the CPU was idle there was nothing to lose. */
	uint64_t lost = r->loss.lost > r->loss.idle_lost ? r->loss.lost - r->loss.idle_lost : 0;

	out_printf(s->out, "%s lost (%.2f %%)", summary_count(lost, a),
		   summary_percent(lost, r->loss.fired));
	write_reasons(s, &r->loss.reasons);
	if (r->unwind.user_samples) {
		head(s, "stacks");
		out_printf(s->out, "%s of %s user stacks whole (%.2f %%)",
			   summary_count(r->unwind.complete, a),
			   summary_count(r->unwind.user_samples, b),
			   summary_percent(r->unwind.complete, r->unwind.user_samples));
		write_reasons(s, &r->unwind.reasons);
		if (r->unwind.disagreed) {
			head(s, "");
			out_printf(s->out, "%s of %s stacks that were walked twice differ: please report it\n",
				   summary_count(r->unwind.disagreed, a),
				   summary_count(r->unwind.checked, b));
		}
	}
	head(s, "own cost");
	out_printf(s->out, "%s of CPU (%.2f %% of one), ",
		   summary_time(r->cost.cpu_ns + r->cost.bpf_ns, a),
		   summary_percent(r->cost.cpu_ns + r->cost.bpf_ns, s->duration_ns));
	out_printf(s->out, "%s of it in BPF, %s resident, ", summary_time(r->cost.bpf_ns, a),
		   summary_bytes(r->cost.rss_bytes, b));
	out_printf(s->out, "%s of maps\n", summary_bytes(r->cost.map_bytes, a));
}

int summary_write(const struct report *r, const struct summary_options *options, struct out *out)
{
	const struct report_window *w = &r->window;
	struct summary s = {
		.r = r,
		.out = out,
		.columns = options->columns ? options->columns : COLUMNS_DEFAULT,
		.rows = options->rows ? options->rows : ROWS_DEFAULT,
		.colour = options->colour,
		.client = report_has_client(r),
		.duration_ns = w->end_ns > w->start_ns ? (uint64_t)w->end_ns - w->start_ns : 0,
	};
	int status;

	if (s.columns < COLUMNS_LEAST)
		s.columns = COLUMNS_LEAST;
	status = warn_of_cuts(&s);
	if (status)
		return status;
	warn_of_nothing(&s);
	write_window(&s);
	write_series(&s);
	write_normals(&s);
	status = summary_dump(r, s.columns, out);
	if (status)
		return status;
	write_machine(&s);
	status = write_threads(&s);
	if (!status)
		status = summary_seconds(r, s.columns, out);
	if (!status)
		status = write_functions(&s);
	const struct summary_options logs = {s.columns, s.rows, s.colour, options->all_logs};

	if (!status)
		summary_logs(r, &logs, out);
	if (!status)
		write_quality(&s);
	return status ? status : out->status;
}
