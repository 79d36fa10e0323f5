// SPDX-License-Identifier: BSD-2-Clause
#include "server/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BODY_FIRST_BYTES 16384

bool server_hold(struct server *s, uint64_t bytes)
{
	uint64_t before = atomic_fetch_add(&s->held_bytes, bytes);

	if (before + bytes <= s->config.limits.bodies_bytes)
		return true;
	atomic_fetch_sub(&s->held_bytes, bytes);
	return false;
}

void server_let_go(struct server *s, uint64_t bytes)
{
	atomic_fetch_sub(&s->held_bytes, bytes);
}

struct request *request_new(struct server *s, const char *uri)
{
	struct request *q = calloc(1, sizeof(*q));
	char *mark;

	if (!q)
		return NULL;
	q->server = s;
	q->uri = strdup(uri);
	if (!q->uri) {
		free(q);
		return NULL;
	}
	mark = strchr(q->uri, '?');
	if (mark) {
		*mark = '\0';
		q->query = mark + 1;
	}
	return q;
}

static void drop_body(struct request *q)
{
	free(q->body);
	server_let_go(q->server, q->held);
	q->body = NULL;
	q->body_n = q->body_cap = 0;
	q->held = 0;
}

void request_free(struct request *q)
{
	if (!q)
		return;
	drop_body(q);
	parcel_release(&q->parcel);
	if (q->beats.batch)
		heartbeats_release(&q->heartbeats);
	params_release(&q->params);
	answer_release(&q->answer);
	free(q->uri);
	free(q);
}

/* What two parsers in a row could read differently is refused, and nothing behind it is believed
 * (RFC 9112, 6.3 and 11.2). Returns false after an answer. */
static bool check_framing(struct request *q)
{
	const struct request_headers *h = &q->headers;
	const char *wrong = NULL;

	if (h->n_bad)
		wrong = "the name of a header is not allowed";
	else if (h->n_content_length > 1)
		wrong = "there are two Content-Length headers";
	else if (h->n_content_length && h->n_transfer_encoding)
		wrong = "there are both Content-Length and Transfer-Encoding";
	else if (h->n_transfer_encoding > 1 ||
		 (h->n_transfer_encoding && strcasecmp(h->transfer_encoding, "chunked")))
		wrong = "the only Transfer-Encoding is chunked";
	else if (h->n_content_length &&
		 (!*h->content_length ||
		  h->content_length[strspn(h->content_length, "0123456789")] ||
		  strlen(h->content_length) > 18))
		wrong = "the Content-Length is no number";
	else if (h->n_host > 1)
		wrong = "there are two Host headers";
	else if (h->n_authorization > 1)
		wrong = "there are two Authorization headers";
	if (!wrong)
		return true;
	q->answer.close = true;
	answer_error(&q->answer, 400, "%s", wrong);
	return false;
}

static bool check_access(struct request *q, struct connection *c)
{
	struct server *s = q->server;
	enum access_verdict verdict;

	if (!q->route->scope)
		return true;
	verdict = access_ask(s->access, q->headers.authorization, q->route->scope);
	if (verdict == ACCESS_OPEN &&
	    !connection_rate(s->connections, c, s->config.limits.requests_per_second))
		verdict = ACCESS_TOO_OFTEN;
	switch (verdict) {
	case ACCESS_GRANTED:
	case ACCESS_OPEN:
		return true;
	case ACCESS_NO_SCOPE:
		count(&s->counters.forbidden, 1);
		answer_error(&q->answer, 403, "the token does not allow this");
		return false;
	case ACCESS_TOO_OFTEN:
		count(&s->counters.limited, 1);
		answer_error(&q->answer, 429, "too many requests a second");
		return false;
	default:
		count(&s->counters.unauthorised, 1);
		answer_error(&q->answer, 401,
			     verdict == ACCESS_NO_TOKEN
				     ? "a token is needed: Authorization: Bearer TOKEN"
				     : "the token is not valid");
		return false;
	}
}

static bool check_body(struct request *q)
{
	const struct request_headers *h = &q->headers;
	uint64_t most = q->server->config.limits.body_bytes, announced;

	announced = h->content_length ? strtoull(h->content_length, NULL, 10) : 0;
	if (!q->route->takes_body && (announced || h->n_transfer_encoding)) {
		q->answer.close = true;
		answer_error(&q->answer, 400, "this takes no body");
	} else if (announced > most) {
		q->answer.close = true;
		answer_error(&q->answer, 413, "a body of %llu bytes, the limit is %llu",
			     (unsigned long long)announced, (unsigned long long)most);
	} else if (q->route->takes_body && !h->content_length && !h->n_transfer_encoding) {
		answer_error(&q->answer, 411,
			     "there is no body: neither Content-Length nor "
			     "Transfer-Encoding");
	}
	return !q->answer.status;
}

void request_begin(struct request *q, struct connection *c, const char *method)
{
	char error[PARAMS_ERROR_BYTES];
	unsigned int status;

	if (!check_framing(q))
		return;
	if (atomic_load(&q->server->stopping)) {
		q->answer.close = true;
		answer_error(&q->answer, 503, "the receiver is being stopped");
		return;
	}
	q->route = route_find(method, q->uri, q->id, &status);
	if (!q->route) {
		answer_error(&q->answer, status,
			     status == 404 ? "there is nothing at this path"
					   : "this path does not know this method");
		return;
	}
	if (!check_access(q, c) || !check_body(q))
		return;
	if (params_parse(q->query, q->server->config.limits.query_bytes, &q->params, error))
		answer_error(&q->answer, 400, "%s", error);
}

/* Memory follows what has come, not what was announced. */
static bool grow(struct request *q, size_t more)
{
	size_t cap = q->body_cap ? q->body_cap : BODY_FIRST_BYTES;
	uint8_t *body;

	while (cap < q->body_n + more)
		cap *= 2;
	if (cap == q->body_cap)
		return true;
	if (!server_hold(q->server, cap - q->body_cap))
		return false;
	q->held += cap - q->body_cap;
	body = realloc(q->body, cap);
	if (!body)
		return false;
	q->body = body;
	q->body_cap = cap;
	return true;
}

void request_body(struct request *q, const void *data, size_t size)
{
	struct server *s = q->server;

	count(&s->counters.received_bytes, size);
	if (q->answer.status)
		return;
	if (q->body_n + size > s->config.limits.body_bytes) {
		q->answer.close = true;
		answer_error(&q->answer, 413, "a body of over %llu bytes, the limit",
			     (unsigned long long)s->config.limits.body_bytes);
	} else if (!grow(q, size)) {
		count(&s->counters.busy, 1);
		q->answer.close = true;
		answer_error(&q->answer, 503, "too many bodies are coming in at one time");
	} else {
		memcpy(q->body + q->body_n, data, size);
		q->body_n += size;
		return;
	}
	drop_body(q);
}

void request_end(struct request *q)
{
	q->route->run(q);
	/* What is to be written has its own copy. */
	drop_body(q);
}

void request_write(struct request *q)
{
	q->suspend(q);
	if (!writer_submit(q->server->writer, &q->job))
		return;
	count(&q->server->counters.busy, 1);
	answer_error(&q->answer, 503, "too many reports wait for the store");
	q->wake(q);
}

void request_store_error(struct request *q, int status, const char *error)
{
	if (status == -ENOSPC) {
		atomic_store(&q->server->full, true);
		answer_error(&q->answer, 507, "the disk is full");
	} else if (status == -ENOMEM) {
		answer_error(&q->answer, 503, "out of memory");
	} else {
		answer_error(&q->answer, 503, "the store failed: %s", error);
	}
}
