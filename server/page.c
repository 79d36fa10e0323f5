// SPDX-License-Identifier: BSD-2-Clause
#include "server/page.h"

int page_row(struct page *p, const char *key, const uint8_t id[REPORT_ID_BYTES])
{
	if (p->n == p->limit) {
		params_cursor(p->last_ns, p->last_seq, p->next);
		return 1;
	}
	out_printf(&p->out, "%s\n{\"%s\":\"", p->n++ ? "," : "", key);
	for (int i = 0; i < REPORT_ID_BYTES; i++)
		out_printf(&p->out, "%02x", id[i]);
	out_char(&p->out, '"');
	return 0;
}

void page_answer(struct request *q, const struct listing *l)
{
	struct store *store = q->server->store;
	char error[STORE_ERROR_BYTES];
	struct store_query query;
	struct page page = {0};
	int status;

	if (l->params(&q->params, q->server->config.limits.page_reports, &query, error)) {
		answer_error(&q->answer, 400, "%s", error);
		return;
	}
	/* One more than the page has is asked for: that says whether there is a next one. */
	page.limit = query.limit++;
	out_init(&page.out, -1);
	out_printf(&page.out, "{\"%s\":[", l->name);
	status = l->rows(store, &query, &page, error);
	if (status < 0) {
		out_release(&page.out);
		request_store_error(q, status, error);
		return;
	}
	if (*page.next)
		out_printf(&page.out, "],\"next\":\"%s\"}\n", page.next);
	else
		out_text(&page.out, "],\"next\":null}\n");
	answer_out(&q->answer, 200, "application/json", &page.out);
}
