/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request, from its first line to its answer. What of it comes from libmicrohttpd comes through
 * http.c, so that the rest can be driven without a network.
 */
#ifndef BD_SERVER_REQUEST_H
#define BD_SERVER_REQUEST_H

#include "server/answer.h"
#include "server/body.h"
#include "server/params.h"
#include "server/server.h"

struct request;

/* The headers that matter; each NULL where it isn't there. `n_` is how often it was. */
struct request_headers {
	const char *authorization, *content_type, *content_encoding, *accept, *idempotency_key;
	const char *content_length, *transfer_encoding;
	unsigned int n_content_length, n_transfer_encoding, n_host, n_authorization;
	unsigned int n_bad; /* names that are none */
};

struct route {
	const char *method, *path; /* "{id}" is 32 hex digits */
	unsigned int scope;	   /* 0: needs no token */
	bool takes_body;
	/* Answers; or calls q->suspend, answers later, from another thread, and calls q->wake. */
	void (*run)(struct request *q);
};

/* By method and path: the row, or NULL and in ret_status 404 or 405. */
const struct route *route_find(const char *method, const char *path,
			       uint8_t ret_id[REPORT_ID_BYTES], unsigned int *ret_status);
/* The methods of a path, for Allow. */
void route_methods(const char *path, char *ret, size_t bytes);

struct request {
	struct server *server;
	char *uri; /* as it came, behind the method */
	const char *query;
	struct request_headers headers;
	const struct route *route;
	uint8_t id[REPORT_ID_BYTES];
	struct query_params params;
	/* The body so far; `held` is what was taken of limits.bodies_bytes. */
	uint8_t *body;
	size_t body_n, body_cap;
	uint64_t held;
	struct answer answer;
	/* What waits for the store, see ingest.c. */
	struct parcel parcel;
	struct heartbeats heartbeats;
	struct store_beats beats;
	struct writer_job job;
	/* Of http.c: what is suspended is not touched by its thread until it is woken. */
	void (*suspend)(struct request *q);
	void (*wake)(struct request *q);
	void *connection; /* of libmicrohttpd */
	bool begun, ended, suspended, told;
	uint64_t drained;
};

/* Of the raw target. NULL without memory. */
struct request *request_new(struct server *s, const char *uri);
void request_free(struct request *q);

/*
 * Everything that can be said before the body: headers, route, token, rate, announced length.
 * Answers where that is the end.
 */
void request_begin(struct request *q, struct connection *c, const char *method);
/* A piece of the body. Answers where it is too much. */
void request_body(struct request *q, const void *data, size_t size);
/* When all has come. Answers, or will wake. */
void request_end(struct request *q);

/* One for each route; see routes.c. */
void run_post_reports(struct request *q);
void run_post_heartbeats(struct request *q);
void run_get_reports(struct request *q);
void run_get_hosts(struct request *q);
void run_get_report(struct request *q);
void run_delete_report(struct request *q);
void run_export(struct request *q);
void run_healthz(struct request *q);
void run_readyz(struct request *q);
void run_metrics(struct request *q);

/* Hands q->job to the writer, whose `done` answers and wakes. */
void request_write(struct request *q);
/* What the store said, as an answer; remembers whether the disk is full. */
void request_store_error(struct request *q, int status, const char *error);

#endif
