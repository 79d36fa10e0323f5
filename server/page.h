/* SPDX-License-Identifier: BSD-2-Clause */
/* A page of a listing: `{"NAME": [{"KEY": "hex id", …}, …], "next": cursor or null}`. */
#ifndef BD_SERVER_PAGE_H
#define BD_SERVER_PAGE_H

#include "server/request.h"

struct page {
	struct out out;
	uint64_t n, limit;
	int64_t last_ns, last_seq; /* of the row that was written last: its cursor */
	char next[PARAMS_CURSOR_BYTES];
};

/* A kind of listing. Both return as their like of params.h and store.h do. */
struct listing {
	const char *name;
	int (*params)(const struct query_params *p, uint64_t most, struct store_query *ret,
		      char error[STORE_ERROR_BYTES]);
	/* Calls page_row() for each row, and ends when that returns something else than 0. */
	int (*rows)(struct store *store, const struct store_query *query, struct page *p,
		    char error[STORE_ERROR_BYTES]);
};

/* Begins a row: 0, or 1 where the page is full, and then there is a next one. The caller closes it. */
int page_row(struct page *p, const char *key, const uint8_t id[REPORT_ID_BYTES]);
/* Answers with a page of what was asked for, or says what is wrong with the question. */
void page_answer(struct request *q, const struct listing *l);

#endif
