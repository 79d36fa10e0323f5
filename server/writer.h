/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread that writes: it takes what waits, whoever brought it, puts it into one transaction and
 * then tells all of them. So one fsync is shared by as many reports as came in while the last one
 * ran, and nobody is told before it is on disk. When it has time it keeps the store small.
 */
#ifndef BD_SERVER_WRITER_H
#define BD_SERVER_WRITER_H

#include "server/config.h"
#include "server/counters.h"
#include "server/store.h"

/* What one request wants written: reports, heartbeats, or one report removed. */
struct writer_job {
	struct store_item *items;
	size_t n;
	struct store_beats *beats; /* one batch of heartbeats, or NULL */
	const uint8_t *remove;	   /* an id, or NULL */
	size_t bytes;		   /* memory that it holds, of all its items */
	/* Called by the writer's thread when it is done: `status` is 0 or what the store said. */
	void (*done)(struct writer_job *job);
	void *ctx;
	int status;
	char error[STORE_ERROR_BYTES];
	struct writer_job *next; /* private */
};

struct writer;

/* Starts the thread. 0 or -errno. The store, configuration and counters stay the caller's. */
int writer_new(struct store *store, const struct server_config *config, struct counters *counters,
	       struct writer **ret);
/* Writes what waits, and takes no more. */
void writer_stop(struct writer *w);
/* After writer_stop(). */
void writer_free(struct writer *w);

/* Hands a job over. 0, or -EAGAIN where too much waits already, or it was stopped. */
int writer_submit(struct writer *w, struct writer_job *job);
/* What waits, in bytes. */
uint64_t writer_waiting(struct writer *w);

#endif
