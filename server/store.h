/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where reports go: one small interface, a file store_NAME*.c and a row in the table of store.c for
 * each kind of store.
 *
 * Threads: put, remove and keep are called by one thread at a time (writer.c); list, get
 * and counts by any number at any time. Everything that has returned 0 is on disk.
 */
#ifndef BD_SERVER_STORE_H
#define BD_SERVER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/digest.h"
#include "user/lib/profile/heartbeat.h"

#define STORE_ERROR_BYTES 512
#define STORE_FUNCTION_BYTES 1024

/* A report to put: what queries need of it, and the bytes as they came. */
struct store_item {
	const struct digest *digest;
	const void *bytes; /* gzip-compressed MessagePack, a .bdr */
	size_t size;
	bool stored; /* set by put: false where it was there already */
};

/* A batch of heartbeats to put. */
struct store_beats {
	const struct heartbeats *batch;
	uint64_t accepted; /* set by put: beats that were new */
	bool facts_wanted; /* set by put: the host's facts of that hash are not known */
};

/* Which reports; a zeroed one is all. Texts are NULL where they don't matter. */
struct store_query {
	const char *client, *kind, *version, *label, *function;
	bool has_host;
	uint8_t host[REPORT_ID_BYTES];
	int64_t since_ns, until_ns; /* of created_ns; until 0 is no end */
	uint64_t limit;
	bool has_cursor; /* only those older than the last one of a page */
	int64_t cursor_ns, cursor_seq;
};

/* One report of a list; texts are valid during the call. */
struct store_row {
	int64_t seq;
	uint8_t id[REPORT_ID_BYTES], host[REPORT_ID_BYTES];
	bool has_host, incomplete;
	int64_t created_ns, received_ns, start_ns, trigger_ns, end_ns;
	const char *kind, *client, *version, *metric, *explanation, *label;
	double value, expected, threshold;
	uint64_t bytes, samples, cpu_ns;
};

struct store_counts {
	uint64_t reports, functions, stacks, texts, hosts, beats;
	uint64_t bytes;	     /* in use */
	uint64_t file_bytes; /* on disk */
};

/* What may stay; 0 is no limit. */
struct store_keep {
	int64_t reports_since_ns, beats_since_ns;
	uint64_t bytes;
};

struct store {
	const struct store_ops *ops;
};

struct store_ops {
	const char *name, *doc;
	/*
	 * Opens or creates the store in the directory. `alone` is for who writes; -EBUSY where
	 * another process does. 0 or -errno and a line that names the thing and what to do.
	 */
	int (*open)(const char *directory, bool alone, struct store **ret,
		    char error[STORE_ERROR_BYTES]);
	void (*close)(struct store *s);

	/*
	 * All reports and heartbeats or none. The same id twice is one report, the same minute of a
	 * host twice one heartbeat. 0, -ENOSPC or another -errno; then nothing has changed, and a
	 * later call may succeed.
	 */
	int (*put)(struct store *s, struct store_item *items, size_t n, struct store_beats *beats,
		   size_t n_beats, char error[STORE_ERROR_BYTES]);
	/* 0, -ENOENT or another -errno. */
	int (*remove)(struct store *s, const uint8_t id[REPORT_ID_BYTES],
		      char error[STORE_ERROR_BYTES]);
	/*
	 * One small step of dropping what is too old or too much. 1 where there is more to do, 0
	 * where not, or -errno; ret_dropped are the reports that went, always set.
	 */
	int (*keep)(struct store *s, const struct store_keep *keep, uint64_t *ret_dropped,
		    char error[STORE_ERROR_BYTES]);

	/* Calls `row` for each report, the newest first, until it returns other than 0, which is
	 * returned. 0 or -errno. */
	int (*list)(struct store *s, const struct store_query *q,
		    int (*row)(void *ctx, const struct store_row *row), void *ctx,
		    char error[STORE_ERROR_BYTES]);
	/*
	 * Calls `row` for each host that has a heartbeat or a report, in one order, with its facts
	 * where they are known and its last heartbeat alone, if there is one. Of the query: host;
	 * since and until of that heartbeat, where one that has none is before all; limit, and
	 * cursor_seq as `seq` was. As list() else.
	 */
	int (*hosts)(struct store *s, const struct store_query *q,
		     int (*row)(void *ctx, int64_t seq, const struct heartbeats *last), void *ctx,
		     char error[STORE_ERROR_BYTES]);
	/* The bytes of a report, which the caller frees. 0, -ENOENT or another -errno. */
	int (*get)(struct store *s, const uint8_t id[REPORT_ID_BYTES], void **ret, size_t *ret_size,
		   char error[STORE_ERROR_BYTES]);
	int (*counts)(struct store *s, struct store_counts *ret);

	/* Calls `line` with each thing that is wrong. The number of these, or -errno. */
	int64_t (*check)(struct store *s, void (*line)(void *ctx, const char *text), void *ctx);
	/* A copy that can be opened as a store, of one moment, while others write. 0 or -errno. */
	int (*backup)(struct store *s, const char *path, char error[STORE_ERROR_BYTES]);
};

/* One for each store_NAME.c. */
extern const struct store_ops store_sqlite;

/* Ends with NULL. */
extern const struct store_ops *const store_kinds[];
/* By the name before the first ':', or NULL. */
const struct store_ops *store_find(const char *name);

#endif
