// SPDX-License-Identifier: BSD-2-Clause
#include "user/clients/thread_history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/base/array.h"
#include "user/lib/base/idmap.h"

void thread_history_init(struct thread_history *h, uint64_t keep_ns)
{
	*h = (struct thread_history){ .keep_ns = keep_ns };
}

void thread_history_release(struct thread_history *h)
{
	free(h->rows);
	free(h->now);
	*h = (struct thread_history){ 0 };
}

uint64_t thread_history_client(const char *name)
{
	uint64_t key = 0;

	for (; *name; name++)
		key = idmap_mix(key, (unsigned char)*name);
	return key ? key : 1;
}

static void on_thread(void *arg, const struct client_thread_second *t)
{
	struct thread_history *h = arg;
	uint64_t client = thread_history_client(t->name);
	uint64_t us = (t->on_cpu_ns + 500) / 1000;

	if (h->heard)
		h->heard(h->arg, &t->id, client);
	if (!us || h->no_memory)
		return;
	if (array_reserve((void **)&h->now, &h->cap_now, h->n_now, 1, sizeof(*h->now))) {
		h->no_memory = true;
		return;
	}
	h->now[h->n_now++] = (struct thread_history_row){
		.client = client,
		.start_ns = t->id.start_ns,
		.tid = t->tid,
		.threads = 1,
		.on_cpu_us = us < UINT32_MAX ? us : UINT32_MAX,
	};
}

static int by_client(const void *x, const void *y)
{
	const struct thread_history_row *a = x, *b = y;

	if (a->client != b->client)
		return a->client < b->client ? -1 : 1;
	if (a->on_cpu_us != b->on_cpu_us)
		return a->on_cpu_us > b->on_cpu_us ? -1 : 1;
	return a->tid < b->tid ? -1 : a->tid > b->tid;
}

static void sum_up(struct thread_history_row *to, const struct thread_history_row *row)
{
	uint64_t us = (uint64_t)to->on_cpu_us + row->on_cpu_us;

	to->start_ns = to->tid = 0;
	to->on_cpu_us = us < UINT32_MAX ? us : UINT32_MAX;
	to->threads += row->threads;
}

/* Of each client the busiest, and behind them what the others make together. */
static void keep_busiest(struct thread_history *h)
{
	size_t kept = 0, of_client = 0;

	qsort(h->now, h->n_now, sizeof(*h->now), by_client);
	for (size_t i = 0; i < h->n_now; i++) {
		const struct thread_history_row row = h->now[i];

		of_client = kept && h->now[kept - 1].client == row.client ? of_client + 1 : 1;
		if (of_client > THREAD_HISTORY_BUSIEST + 1)
			sum_up(&h->now[kept - 1], &row);
		else
			h->now[kept++] = row;
	}
	h->n_now = kept;
}

static void forget(struct thread_history *h, uint64_t now_ns)
{
	while (h->first < h->n && h->rows[h->first].end_ns + h->keep_ns < now_ns)
		h->first++;
	while (h->first < h->n && h->n - h->first + h->n_now > THREAD_HISTORY_ROWS) {
		h->full_ns = h->rows[h->first++].end_ns;
		h->dropped++;
	}
	/* What is left of the second at the border would look like all of it. */
	while (h->first < h->n && h->rows[h->first].end_ns == h->full_ns) {
		h->first++;
		h->dropped++;
	}
	if (h->full_ns + h->keep_ns < now_ns)
		h->full_ns = h->dropped = 0;
	if (!h->first || h->first < h->n / 2)
		return;
	h->n -= h->first;
	memmove(h->rows, h->rows + h->first, h->n * sizeof(*h->rows));
	h->first = 0;
}

int thread_history_take(struct thread_history *h, struct clients *c, uint64_t now_ns)
{
	uint64_t span_us = (now_ns - h->last_ns + 500) / 1000;
	bool first = !h->last_ns;

	/* The same moment again, of another crash: what came since belongs to the next second. */
	if (now_ns <= h->last_ns)
		return 0;
	h->n_now = 0;
	h->no_memory = false;
	clients_threads(c, on_thread, h);
	h->last_ns = now_ns;
	if (h->no_memory)
		return -ENOMEM;
	/* What ran before the first second isn't of any length. */
	if (first)
		return 0;
	keep_busiest(h);
	if (h->n_now > THREAD_HISTORY_ROWS) {
		h->dropped += h->n_now - THREAD_HISTORY_ROWS;
		h->n_now = THREAD_HISTORY_ROWS;
	}
	forget(h, now_ns);
	if (array_reserve((void **)&h->rows, &h->cap, h->n, h->n_now, sizeof(*h->rows)))
		return -ENOMEM;
	for (size_t i = 0; i < h->n_now; i++) {
		h->now[i].end_ns = now_ns;
		h->now[i].span_us = span_us < UINT32_MAX ? span_us : UINT32_MAX;
		h->rows[h->n++] = h->now[i];
	}
	return 0;
}

static int add_row(const struct thread_history_row *from, int64_t ahead_ns, int32_t thread,
		   struct report_thread_seconds *t)
{
	int64_t row = report_thread_seconds_add(t);

	if (row < 0)
		return row;
	t->t_ns[row] = (int64_t)from->end_ns + ahead_ns;
	t->span_us[row] = from->span_us;
	t->thread[row] = thread;
	t->threads[row] = from->threads;
	t->on_cpu_us[row] = from->on_cpu_us;
	return 0;
}

static int threads_index(const struct report *r, struct idmap *by_thread)
{
	int err = 0;

	for (size_t i = 0; !err && i < r->threads.n; i++)
		err = idmap_set(by_thread, idmap_mix(r->threads.start_ns[i], r->threads.tid[i]), i);
	return err;
}

int thread_history_report(const struct thread_history *h, const char *client, int64_t from_ns,
			  int64_t ahead_ns, struct report *r)
{
	uint64_t key = thread_history_client(client);
	struct idmap by_thread = { 0 };
	struct thread_history_row rest = { 0 };
	int err = threads_index(r, &by_thread);

	for (size_t i = h->first; !err && i < h->n; i++) {
		const struct thread_history_row *row = &h->rows[i];

		if (row->client != key || (int64_t)row->end_ns + ahead_ns <= from_ns)
			continue;
		if (rest.threads && rest.end_ns != row->end_ns) {
			err = add_row(&rest, ahead_ns, -1, &r->thread_seconds);
			rest = (struct thread_history_row){ 0 };
		}
		uint32_t at = row->start_ns ? idmap_get(&by_thread,
							idmap_mix(row->start_ns, row->tid))
					    : IDMAP_NONE;

		if (!err && at != IDMAP_NONE) {
			err = add_row(row, ahead_ns, at, &r->thread_seconds);
			continue;
		}
		rest.end_ns = row->end_ns;
		rest.span_us = row->span_us;
		sum_up(&rest, row);
	}
	if (!err && rest.threads)
		err = add_row(&rest, ahead_ns, -1, &r->thread_seconds);
	if (!err && h->full_ns && (int64_t)h->full_ns + ahead_ns > from_ns)
		err = report_count(&r->loss.reasons, "thread seconds: no room for the oldest ones",
				   h->dropped);
	idmap_release(&by_thread);
	return err;
}
