// SPDX-License-Identifier: BSD-2-Clause
/* GET and DELETE of reports. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/page.h"
#include "user/lib/profile/codec.h"
#include "user/lib/profile/json.h"

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

static int write_row(void *ctx, const struct store_row *r)
{
	struct page *p = ctx;

	if (page_row(p, "id", r->id))
		return 1;
	if (r->has_host)
		write_id(&p->out, "host", r->host);
	write_texts(&p->out, r);
	write_numbers(&p->out, r);
	out_char(&p->out, '}');
	p->last_ns = r->created_ns;
	p->last_seq = r->seq;
	return p->out.status;
}

static int rows(struct store *store, const struct store_query *query, struct page *p,
		char error[STORE_ERROR_BYTES])
{
	return store->ops->list(store, query, write_row, p, error);
}

void run_get_reports(struct request *q)
{
	static const struct listing reports = {"reports", params_query, rows};

	page_answer(q, &reports);
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
