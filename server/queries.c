// SPDX-License-Identifier: BSD-2-Clause
/* GET and DELETE of reports. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/request.h"
#include "user/lib/codec.h"
#include "user/lib/json.h"

struct page {
	struct out out;
	uint64_t n, limit;
	char next[PARAMS_CURSOR_BYTES];
	int64_t last_ns, last_seq;
};

static void write_id(struct out *out, const char *name, const uint8_t id[REPORT_ID_BYTES])
{
	out_printf(out, ",\"%s\":\"", name);
	for (int i = 0; i < REPORT_ID_BYTES; i++)
		out_printf(out, "%02x", id[i]);
	out_char(out, '"');
}

static void write_texts(struct out *out, const struct store_row *r)
{
	const struct {
		const char *name, *text;
	} texts[] = {{"kind", r->kind},	    {"client", r->client}, {"version", r->version},
		     {"metric", r->metric}, {"label", r->label},   {"explanation", r->explanation}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!*texts[i].text)
			continue;
		out_printf(out, ",\"%s\":", texts[i].name);
		out_json(out, texts[i].text);
	}
}

static void write_numbers(struct out *out, const struct store_row *r)
{
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {{"created_ns", r->created_ns},
		       {"received_ns", r->received_ns},
		       {"start_ns", r->start_ns},
		       {"trigger_ns", r->trigger_ns},
		       {"end_ns", r->end_ns},
		       {"cpu_ns", (int64_t)r->cpu_ns},
		       {"samples", (int64_t)r->samples},
		       {"bytes", (int64_t)r->bytes}};
	const struct {
		const char *name;
		double value;
	} reals[] = {{"value", r->value}, {"expected", r->expected}, {"threshold", r->threshold}};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		out_printf(out, ",\"%s\":%lld", numbers[i].name, (long long)numbers[i].value);
	for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
		out_printf(out, ",\"%s\":", reals[i].name);
		json_f64(out, reals[i].value);
	}
	out_printf(out, ",\"incomplete\":%s", r->incomplete ? "true" : "false");
}

/* One more than the page has is asked for: that says whether there is a next one. */
static int write_row(void *ctx, const struct store_row *r)
{
	struct page *p = ctx;

	if (p->n == p->limit) {
		params_cursor(p->last_ns, p->last_seq, p->next);
		return 1;
	}
	out_text(&p->out, p->n++ ? ",\n{\"id\":\"" : "\n{\"id\":\"");
	for (int i = 0; i < REPORT_ID_BYTES; i++)
		out_printf(&p->out, "%02x", r->id[i]);
	out_char(&p->out, '"');
	if (r->has_host)
		write_id(&p->out, "host", r->host);
	write_texts(&p->out, r);
	write_numbers(&p->out, r);
	out_char(&p->out, '}');
	p->last_ns = r->created_ns;
	p->last_seq = r->seq;
	return p->out.status;
}

void run_get_reports(struct request *q)
{
	struct store *store = q->server->store;
	char error[STORE_ERROR_BYTES];
	struct store_query query;
	struct page page = {0};
	int status;

	if (params_query(&q->params, q->server->config.limits.page_reports, &query, error)) {
		answer_error(&q->answer, 400, "%s", error);
		return;
	}
	page.limit = query.limit++;
	out_init(&page.out, -1);
	out_text(&page.out, "{\"reports\":[");
	status = store->ops->list(store, &query, write_row, &page, error);
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

/* Whether JSON is asked for in as many words; anything else gets the bytes. */
static bool wants_json(const struct request *q)
{
	return q->headers.accept && strstr(q->headers.accept, "application/json");
}

static void answer_json(struct request *q, const void *data, size_t size)
{
	char error[CODEC_ERROR_BYTES];
	struct report report;
	struct out out;

	if (report_decode(data, size, NULL, &report, error)) {
		answer_error(&q->answer, 500, "what is stored can't be read: %s", error);
		return;
	}
	out_init(&out, -1);
	json_report(&report, &out);
	report_release(&report);
	answer_out(&q->answer, 200, "application/json", &out);
}

void run_get_report(struct request *q)
{
	struct store *store = q->server->store;
	char error[STORE_ERROR_BYTES];
	size_t size;
	void *data;
	int status;

	if (q->params.n) {
		answer_error(&q->answer, 400, "this takes no query");
		return;
	}
	status = store->ops->get(store, q->id, &data, &size, error);
	if (status == -ENOENT) {
		answer_error(&q->answer, 404, "there is no such report");
	} else if (status) {
		request_store_error(q, status, error);
	} else if (wants_json(q)) {
		answer_json(q, data, size);
		free(data);
	} else {
		answer_data(&q->answer, 200, "application/vnd.msgpack", data, size);
		q->answer.encoding = "gzip";
	}
}

/* In the writer's thread. */
static void removed(struct writer_job *job)
{
	struct request *q = job->ctx;

	if (job->status == -ENOENT) {
		answer_error(&q->answer, 404, "there is no such report");
	} else if (job->status) {
		request_store_error(q, job->status, job->error);
	} else {
		count(&q->server->counters.reports_removed, 1);
		answer_data(&q->answer, 204, NULL, NULL, 0);
	}
	q->wake(q);
}

void run_delete_report(struct request *q)
{
	if (q->params.n) {
		answer_error(&q->answer, 400, "this takes no query");
		return;
	}
	q->job = (struct writer_job){.remove = q->id, .done = removed, .ctx = q};
	request_write(q);
}
