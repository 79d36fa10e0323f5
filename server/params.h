/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of an address behind the question mark: `name=value&…`, percent-decoded, '+' a blank.
 * Strict: a wrong escape, a NUL, a control character, text that is not UTF-8, a name twice or a
 * name that nobody knows is an error with a sentence.
 */
#ifndef BD_SERVER_PARAMS_H
#define BD_SERVER_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARAMS_MAX 32
#define PARAMS_ERROR_BYTES 256

struct query_params {
	char *text; /* what the others point into */
	size_t n;
	const char *name[PARAMS_MAX], *value[PARAMS_MAX];
};

/* 0, -EINVAL, -E2BIG (over `limit` bytes) and a sentence, -ENOMEM. NULL is none. */
int params_parse(const char *query, size_t limit, struct query_params *ret,
		 char error[PARAMS_ERROR_BYTES]);
void params_release(struct query_params *p);
/* The value, or NULL. */
const char *params_get(const struct query_params *p, const char *name);
/* -EINVAL and a sentence where a name is none of `known`, a list that ends with NULL. */
int params_known(const struct query_params *p, const char *const *known,
		 char error[PARAMS_ERROR_BYTES]);

struct store_query;
struct view_options;
/*
 * What GET /v1/reports asks for: client, kind, version, label, host, function, since, until, limit,
 * next. Times are ns since the epoch or RFC 3339 in UTC. Texts stay those of `p`. 0 or -EINVAL.
 */
int params_query(const struct query_params *p, uint64_t most, struct store_query *ret,
		 char error[PARAMS_ERROR_BYTES]);
/* What GET /v1/hosts asks for: host, since, until, limit, next. 0 or -EINVAL. */
int params_hosts(const struct query_params *p, uint64_t most, struct store_query *ret,
		 char error[PARAMS_ERROR_BYTES]);
/* from, to, thread, pid, by, reverse, as `backdraft export` has them. 0 or -EINVAL. */
int params_view(const struct query_params *p, struct view_options *ret,
		char error[PARAMS_ERROR_BYTES]);

/* 32 hex digits, and nothing else. */
bool params_id(const char *text, size_t len, uint8_t ret[16]);
/* The text of `next`: where a page ended. */
#define PARAMS_CURSOR_BYTES 48
void params_cursor(int64_t created_ns, int64_t seq, char ret[PARAMS_CURSOR_BYTES]);

#endif
