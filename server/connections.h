/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every open connection: how many there are in all and of each address, and by when it must have
 * done what it is doing. A thread looks four times a second; who is late is told 408 where that
 * makes sense, and shut down. libmicrohttpd's own time-out knows only silence, which a sender of
 * one byte a second never keeps.
 */
#ifndef BD_SERVER_CONNECTIONS_H
#define BD_SERVER_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "server/counters.h"
#include "server/limits.h"

enum connection_phase {
	CONNECTION_IDLE,    /* between requests */
	CONNECTION_HEADERS, /* of a request, or of the first one */
	CONNECTION_BODY,
	CONNECTION_WORK, /* it is our turn */
	CONNECTION_ANSWER,
	CONNECTION_EXPIRED, /* shut down: it must not be spoken to any more */
	CONNECTION_PHASES
};

struct connection;
struct connections;

int connections_new(const struct limits *limits, struct counters *counters,
		    struct connections **ret);
/* When all are closed. */
void connections_free(struct connections *all);

/*
 * A new one, in CONNECTION_HEADERS. `plain`: answers may be written to `fd` as they are, not so
 * with TLS. Where there are too many it is told 503 and shut down, and is EXPIRED from the
 * beginning. NULL without memory.
 */
struct connection *connection_open(struct connections *all, int fd, bool plain,
				   const struct sockaddr *address);
/* Before its descriptor is closed. */
void connection_close(struct connections *all, struct connection *c);

/* Begins a phase and its time. False where the connection is EXPIRED. */
bool connection_enter(struct connections *all, struct connection *c, enum connection_phase phase);

/* One request of its address, at a rate of so many a second: false where that is too many. */
bool connection_rate(struct connections *all, struct connection *c, uint64_t per_second);

uint64_t connections_open(struct connections *all);

#endif
