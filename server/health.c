// SPDX-License-Identifier: BSD-2-Clause
/* /healthz, /readyz and /metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/request.h"

static void answer_text(struct request *q, unsigned int status, const char *text)
{
	struct out out;

	out_init(&out, -1);
	out_text(&out, text);
	answer_out(&q->answer, status, "text/plain; charset=utf-8", &out);
}

void run_healthz(struct request *q)
{
	answer_text(q, 200, "ok\n");
}

/* Ready is who can take a report now. */
void run_readyz(struct request *q)
{
	struct server *s = q->server;

	if (atomic_load(&s->full))
		answer_error(&q->answer, 503, "the disk is full");
	else if (writer_waiting(s->writer) > s->config.limits.waiting_bytes / 2)
		answer_error(&q->answer, 503, "too many reports wait for the store");
	else
		answer_text(q, 200, "ready\n");
}

static uint64_t resident_bytes(void)
{
	char text[128] = "";
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;
	char *end = NULL;

	if (!file)
		return 0;
	if (fgets(text, sizeof(text), file) && strtoull(text, &end, 10))
		pages = strtoull(end, NULL, 10);
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

static void gauge(struct out *out, const char *name, const char *doc, uint64_t value)
{
	out_printf(out, "# HELP backdraft_server_%s %s\n# TYPE backdraft_server_%s gauge\n", name,
		   doc, name);
	out_printf(out, "backdraft_server_%s %llu\n", name, (unsigned long long)value);
}

static void write_gauges(struct out *out, struct server *s)
{
	struct store_counts c = {0};
	bool known = !s->store->ops->counts(s->store, &c);
	const struct {
		const char *name, *doc;
		uint64_t value;
	} gauges[] = {
		{"connections", "open connections", connections_open(s->connections)},
		{"waiting_bytes", "reports that wait for the store", writer_waiting(s->writer)},
		{"bodies_bytes", "bodies in memory", atomic_load(&s->held_bytes)},
		{"resident_bytes", "memory of the process", resident_bytes()},
		{"tokens", "valid tokens", access_tokens(s->access)},
		{"uptime_seconds", "since the start", time(NULL) - s->started_s},
		{"full", "1 where the disk is full", atomic_load(&s->full)},
		{"store_reports", "reports in the store", c.reports},
		{"store_functions", "different functions in the store", c.functions},
		{"store_stacks", "different stacks in the store", c.stacks},
		{"store_texts", "different names in the store", c.texts},
		{"store_hosts", "different hosts in the store", c.hosts},
		{"store_beats", "heartbeats in the store", c.beats},
		{"store_bytes", "what the store uses", c.bytes},
		{"store_file_bytes", "size of its file", c.file_bytes},
	};

	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		if (known || strncmp(gauges[i].name, "store_", 6))
			gauge(out, gauges[i].name, gauges[i].doc, gauges[i].value);
}

void run_metrics(struct request *q)
{
	struct server *s = q->server;
	const struct {
		const char *name, *doc;
		_Atomic uint64_t *value;
	} counters[] = {
#define COUNTER(name, doc) {#name, doc, &s->counters.name},
#include "server/counters.def"
	};
	struct out out;

	out_init(&out, -1);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		const char *name = counters[i].name;

		out_printf(&out, "# HELP backdraft_server_%s_total %s\n", name, counters[i].doc);
		out_printf(&out, "# TYPE backdraft_server_%s_total counter\n", name);
		out_printf(&out, "backdraft_server_%s_total %llu\n", name,
			   (unsigned long long)atomic_load(counters[i].value));
	}
	write_gauges(&out, s);
	answer_out(&q->answer, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
}
