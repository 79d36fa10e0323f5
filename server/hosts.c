// SPDX-License-Identifier: BSD-2-Clause
/* GET /v1/hosts: who is known, and what its last heartbeat said. */
#include <string.h>

#include "server/request.h"
#include "user/lib/json.h"

struct page {
	struct out out;
	uint64_t n, limit;
	int64_t last_seq;
	char next[PARAMS_CURSOR_BYTES];
};

static const struct wire_type *type_of(const struct wire_type *of, const char *name)
{
	return wire_find(of, name, strlen(name))->type;
}

static void write_number(struct out *out, const struct wire_field *f, const void *at)
{
	int64_t wide = 0;
	int32_t narrow;

	if (wire_kind_bytes(f->kind) == sizeof(narrow)) {
		memcpy(&narrow, at, sizeof(narrow));
		wide = f->kind == WIRE_I32 ? narrow : (int64_t)(uint32_t)narrow;
	} else {
		memcpy(&wide, at, sizeof(wide));
	}
	out_printf(out, f->kind == WIRE_U64 ? "%llu" : "%lld", (unsigned long long)wide);
}

/* A row of a table as an object, texts as such; without its first `skip` columns. */
static void write_row(struct out *out, const struct heartbeats *h, const char *name, const void *table,
		      size_t row, size_t skip)
{
	const struct wire_type *type = type_of(&wire_heartbeats, name);
	bool first = true;

	out_char(out, '{');
	for (size_t i = skip; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];
		const char *at = (const char *)wire_column(table, f) + row * wire_kind_bytes(f->kind);
		uint32_t ref;

		out_printf(out, "%s\"%s\":", first ? "" : ",", f->name);
		first = false;
		if (f->kind != WIRE_REF) {
			write_number(out, f, at);
			continue;
		}
		memcpy(&ref, at, sizeof(ref));
		out_json(out, heartbeats_text(h, ref));
	}
	out_char(out, '}');
}

static void write_facts(struct out *out, const struct heartbeats *h)
{
	const struct report_host *of = &h->facts.host;
	const struct {
		const char *name, *text;
	} texts[] = {{"label", of->label}, {"agent", h->facts.agent.version}, {"cpu_model", of->cpu_model},
		     {"disk", of->disk},   {"os", of->os},		      {"kernel", of->kernel},
		     {"arch", of->arch},   {"virtualisation", of->virtualisation}};

	if (!h->facts.present)
		return;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!texts[i].text || !*texts[i].text)
			continue;
		out_printf(out, ",\"%s\":", texts[i].name);
		out_json(out, texts[i].text);
	}
	out_printf(out, ",\"cpus\":%llu,\"memory_bytes\":%llu", (unsigned long long)of->cpus,
		   (unsigned long long)of->memory_bytes);
}

/* As in queries.c, one more than the page has says whether there is a next one. */
static int write_host(void *ctx, int64_t seq, const struct heartbeats *h)
{
	struct page *p = ctx;

	if (p->n == p->limit) {
		params_cursor(0, p->last_seq, p->next);
		return 1;
	}
	out_text(&p->out, p->n++ ? ",\n{\"host\":\"" : "\n{\"host\":\"");
	for (int i = 0; i < REPORT_ID_BYTES; i++)
		out_printf(&p->out, "%02x", h->host[i]);
	out_char(&p->out, '"');
	write_facts(&p->out, h);
	if (h->beats.n) {
		out_text(&p->out, ",\"beat\":");
		write_row(&p->out, h, "beats", &h->beats, 0, 0);
		out_text(&p->out, ",\"clients\":[");
		for (size_t i = 0; i < h->clients.n; i++) {
			out_text(&p->out, i ? "," : "");
			write_row(&p->out, h, "clients", &h->clients, i, 1);
		}
		out_char(&p->out, ']');
	}
	out_char(&p->out, '}');
	p->last_seq = seq;
	return p->out.status;
}

void run_get_hosts(struct request *q)
{
	struct store *store = q->server->store;
	char error[STORE_ERROR_BYTES];
	struct store_query query;
	struct page page = {0};
	int status;

	if (params_hosts(&q->params, q->server->config.limits.page_reports, &query, error)) {
		answer_error(&q->answer, 400, "%s", error);
		return;
	}
	page.limit = query.limit++;
	out_init(&page.out, -1);
	out_text(&page.out, "{\"hosts\":[");
	status = store->ops->hosts(store, &query, write_host, &page, error);
	if (status < 0) {
		out_release(&page.out);
		request_store_error(q, status, error);
		return;
	}
	if (*page.next)
		out_printf(&page.out, "],\"next\":\"%s\"}\n", page.next);
	else
		out_text(&page.out, "],\"next\":null}\n");
	answer_out(&q->answer, 200, "application/json", &page.out);
}
