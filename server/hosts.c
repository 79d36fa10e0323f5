// SPDX-License-Identifier: BSD-2-Clause
/* GET /v1/hosts: who is known, and what its last heartbeat said. */
#include <string.h>

#include "server/page.h"
#include "user/lib/profile/json.h"

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

static int write_host(void *ctx, int64_t seq, const struct heartbeats *h)
{
	struct page *p = ctx;

	if (page_row(p, "host", h->host))
		return 1;
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

static int rows(struct store *store, const struct store_query *query, struct page *p,
		char error[STORE_ERROR_BYTES])
{
	return store->ops->hosts(store, query, write_host, p, error);
}

void run_get_hosts(struct request *q)
{
	static const struct listing hosts = {"hosts", params_hosts, rows};

	page_answer(q, &hosts);
}
