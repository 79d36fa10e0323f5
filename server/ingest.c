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

static void answer_accepted(struct request *q)
{
	struct out out;

	count(&q->server->counters.beats_accepted, q->beats.accepted);
	out_init(&out, -1);
	out_printf(&out, "{\"accepted\":%llu,\"facts_wanted\":%s}\n",
		   (unsigned long long)q->beats.accepted, q->beats.facts_wanted ? "true" : "false");
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
		if (job->beats)
			answer_accepted(q);
		else
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

/* What both kinds of body have to be; false after an answer. */
static bool check_form(struct request *q, bool *ret_json)
{
	if (q->params.n)
		answer_error(&q->answer, 400, "this takes no query");
	else if (body_type(q->headers.content_type, ret_json))
		answer_error(&q->answer, 415,
			     "the Content-Type is neither application/vnd.msgpack nor "
			     "application/json");
	else if (!encoding_known(&q->headers))
		answer_error(&q->answer, 415, "the only Content-Encoding is gzip");
	return !q->answer.status;
}

void run_post_reports(struct request *q)
{
	struct server *s = q->server;
	const struct body_memory memory = {hold, let_go, s};
	bool json;

	if (!check_form(q, &json))
		return;
	if (body_read(&s->config.limits, &memory, json, q->body, q->body_n, &q->parcel,
		      &q->answer)) {
		count(&s->counters.reports_refused, 1);
		return;
	}
	if (!key_fits(q))
		return;
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

void run_post_heartbeats(struct request *q)
{
	struct server *s = q->server;
	const struct body_memory memory = {hold, let_go, s};
	size_t bytes;
	bool json;

	if (!check_form(q, &json))
		return;
	if (body_read_beats(&s->config.limits, &memory, json, q->body, q->body_n, &q->heartbeats,
			    &bytes, &q->answer)) {
		count(&s->counters.beats_refused, 1);
		return;
	}
	q->beats.batch = &q->heartbeats;
	q->job = (struct writer_job){.beats = &q->beats, .bytes = bytes, .done = stored, .ctx = q};
	request_write(q);
}
