// SPDX-License-Identifier: BSD-2-Clause
/* POST /v1/reports: read here, written by the writer's thread, answered when it is on disk. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/log.h"
#include "server/request.h"

static bool hold(void *server, uint64_t bytes)
{
	return server_hold(server, bytes);
}

static void let_go(void *server, uint64_t bytes)
{
	server_let_go(server, bytes);
}

static void answer_stored(struct request *q)
{
	struct out out;

	out_init(&out, -1);
	out_text(&out, "{\"reports\":[");
	for (size_t i = 0; i < q->parcel.n; i++) {
		const struct store_item *item = &q->parcel.items[i];

		out_text(&out, i ? ",{\"id\":\"" : "{\"id\":\"");
		for (int k = 0; k < REPORT_ID_BYTES; k++)
			out_printf(&out, "%02x", item->digest->id[k]);
		out_printf(&out, "\",\"stored\":%s}", item->stored ? "true" : "false");
		count(item->stored ? &q->server->counters.reports_stored
				   : &q->server->counters.reports_again,
		      1);
	}
	out_text(&out, "]}\n");
	answer_out(&q->answer, 200, "application/json", &out);
}

/* In the writer's thread. */
static void stored(struct writer_job *job)
{
	struct request *q = job->ctx;
	struct server *s = q->server;

	if (job->status) {
		/* Said at the first of many; /readyz and the counters say the rest. */
		if (job->status != -ENOSPC || !atomic_load(&s->full))
			log_line("store: %s", job->error);
		request_store_error(q, job->status, job->error);
	} else {
		atomic_store(&s->full, false);
		answer_stored(q);
	}
	q->wake(q);
}

/* The key that the agent sends is the report's id: a body that was mixed up on the way is found. */
static bool key_fits(struct request *q)
{
	const char *key = q->headers.idempotency_key;
	uint8_t id[REPORT_ID_BYTES];

	if (!key || q->parcel.n != 1)
		return true;
	if (params_id(key, strlen(key), id) &&
	    !memcmp(id, q->parcel.items[0].digest->id, sizeof(id)))
		return true;
	answer_error(&q->answer, 422, "the Idempotency-Key is not the id of the report");
	return false;
}

static bool encoding_known(const struct request_headers *h)
{
	return !h->content_encoding || !strcasecmp(h->content_encoding, "gzip") ||
	       !strcasecmp(h->content_encoding, "identity");
}

void run_post_reports(struct request *q)
{
	struct server *s = q->server;
	const struct body_memory memory = {hold, let_go, s};
	bool json;

	if (q->params.n) {
		answer_error(&q->answer, 400, "this takes no query");
	} else if (body_type(q->headers.content_type, &json)) {
		answer_error(&q->answer, 415,
			     "the Content-Type is neither application/vnd.msgpack nor "
			     "application/json");
	} else if (!encoding_known(&q->headers)) {
		answer_error(&q->answer, 415, "the only Content-Encoding is gzip");
	} else if (body_read(&s->config.limits, &memory, json, q->body, q->body_n, &q->parcel,
			     &q->answer)) {
		count(&s->counters.reports_refused, 1);
	} else if (key_fits(q)) {
		count(&s->counters.parts_dropped, q->parcel.dropped);
		q->job = (struct writer_job){.items = q->parcel.items,
					     .n = q->parcel.n,
					     .bytes = q->parcel.bytes,
					     .done = stored,
					     .ctx = q};
		if (q->parcel.n)
			request_write(q);
		else
			answer_stored(q);
	}
}
