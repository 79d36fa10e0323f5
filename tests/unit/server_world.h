/* SPDX-License-Identifier: BSD-2-Clause */
/* A data directory of a test's own, the default limits, and reports for a store. */
#ifndef TESTS_SERVER_WORLD_H
#define TESTS_SERVER_WORLD_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sample.h"
#include "server/body.h"
#include "server/config.h"
#include "server/store.h"
#include "user/lib/profile/codec.h"

struct world {
	char directory[64];
	struct server_config config;
	struct store *store;
	char error[STORE_ERROR_BYTES];
};

static inline bool world_hold(void *ctx, uint64_t bytes)
{
	return true;
}

static inline void world_let_go(void *ctx, uint64_t bytes)
{
}

static const struct body_memory world_memory = {world_hold, world_let_go, NULL};

static inline int world_open(struct world *w)
{
	return store_sqlite.open(w->directory, true, &w->store, w->error);
}

static inline void world_close(struct world *w)
{
	if (w->store)
		w->store->ops->close(w->store);
	w->store = NULL;
}

static inline void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->directory, sizeof(w->directory), "/tmp/backdraft-unit-XXXXXX");
	assert(mkdtemp(w->directory));
	assert(!server_config_init(&w->config));
	assert(!world_open(w));
}

static inline void world_release(struct world *w)
{
	char command[128];

	world_close(w);
	server_config_release(&w->config);
	snprintf(command, sizeof(command), "rm -rf '%s'", w->directory);
	assert(!system(command));
}

/* The sample report, changed: its number makes its id, its time, and one function of its own. */
static inline void world_report(struct report *r, int number, const char *client)
{
	char name[32];

	sample_report(r);
	memset(r->id, 0, sizeof(r->id));
	memcpy(r->id, &number, sizeof(number));
	r->id[15] = 1;
	r->created_ns += number * 1000000000ll;
	memset(r->host.id, 1 + number % 2, sizeof(r->host.id));
	assert(!report_set(&r->client.name, client) && !report_set(&r->trigger.kind, "threshold"));
	r->client.present = true;
	snprintf(name, sizeof(name), "only_%d", number);
	sample_hit(r, 5, 0, sample_stack(r, -1, sample_frame(r, name, "native", -1, 0)), 1000);
}

static inline void world_encode(const struct report *r, struct out *out)
{
	out_init(out, -1);
	assert(!report_encode(r, out_callback, out));
}

/* What body_read() makes of some bytes: a parcel, or an answer. */
static inline int world_read(struct world *w, bool json, const void *data, size_t size,
			     struct parcel *p, struct answer *a)
{
	memset(a, 0, sizeof(*a));
	return body_read(&w->config.limits, &world_memory, json, data, size, p, a);
}

/* Puts one report; whether it was stored. */
static inline bool world_put(struct world *w, int number, const char *client)
{
	struct parcel p;
	struct answer a;
	struct report r;
	struct out out;
	bool stored;

	world_report(&r, number, client);
	world_encode(&r, &out);
	report_release(&r);
	assert(!world_read(w, false, out.data, out.n, &p, &a));
	out_release(&out);
	assert(!w->store->ops->put(w->store, p.items, p.n, NULL, 0, w->error));
	stored = p.items[0].stored;
	parcel_release(&p);
	return stored;
}

#endif
