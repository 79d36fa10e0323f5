/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receiver as it runs: what its parts share.
 *
 *   http.c          libmicrohttpd: from connections to requests and back
 *   connections.c   how many there are, and how long each may take
 *   request.c       one request: checks, body, answer
 *   routes.c        which function answers what
 *   access.c        tokens and rates
 *   ingest.c        POST; queries.c GET, DELETE; hosts.c; exports.c; health.c the rest
 *   body.c          bytes to reports
 *   writer.c        reports to the store, many in one transaction
 */
#ifndef BD_SERVER_SERVER_H
#define BD_SERVER_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "server/access.h"
#include "server/config.h"
#include "server/connections.h"
#include "server/counters.h"
#include "server/store.h"
#include "server/writer.h"

struct server {
	struct server_config config;
	struct counters counters;
	struct store *store;
	struct writer *writer;
	struct access *access;
	struct connections *connections;
	_Atomic uint64_t held_bytes; /* of bodies and what they unpack to, of all requests */
	_Atomic uint64_t exports;    /* being made */
	_Atomic bool full;	     /* the store said so last */
	_Atomic bool stopping;	     /* no new requests */
	_Atomic uint64_t running;    /* requests that have begun */
	int64_t started_s;
};

/* Takes so many bytes of limits.bodies_bytes; false where there are not so many. */
bool server_hold(struct server *s, uint64_t bytes);
void server_let_go(struct server *s, uint64_t bytes);

#endif
