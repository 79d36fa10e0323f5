// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/event_queue.h"

#include <string.h>

#include "user/lib/base/array.h"

#define KEEP_BYTES (256u << 10) /* what a storm of events took above that goes back */
#define KEEP_EVENTS (KEEP_BYTES / sizeof(struct event))

struct event {
	uint64_t t_ns;
	uint64_t order; /* as they came, where times are equal */
	event_queue_fn *fn;
	size_t at, bytes;
};

struct event_queue {
	struct event *events;
	size_t n, cap;
	char *data;
	size_t data_n, data_cap;
	uint64_t order;
};

int event_queue_new(struct event_queue **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void event_queue_free(struct event_queue *q)
{
	if (!q)
		return;
	free(q->events);
	free(q->data);
	free(q);
}

int event_queue_push(struct event_queue *q, uint64_t t_ns, event_queue_fn *fn, const void *data,
		     size_t bytes)
{
	size_t room = (bytes + 7) & ~(size_t)7;

	if (array_reserve((void **)&q->events, &q->cap, q->n, 1, sizeof(*q->events)) ||
	    array_reserve((void **)&q->data, &q->data_cap, q->data_n, room, 1))
		return -ENOMEM;
	memcpy(q->data + q->data_n, data, bytes);
	q->events[q->n++] = (struct event){ t_ns, q->order++, fn, q->data_n, bytes };
	q->data_n += room;
	return 0;
}

size_t event_queue_waiting(const struct event_queue *q)
{
	return q->n;
}

static int by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->t_ns != y->t_ns)
		return x->t_ns < y->t_ns ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* Moves what has not been handed out, a few records, to the front. */
static void keep_rest(struct event_queue *q, size_t done)
{
	size_t at = 0;

	for (size_t i = done; i < q->n; i++) {
		struct event *event = &q->events[i];

		memmove(q->data + at, q->data + event->at, event->bytes);
		event->at = at;
		at += (event->bytes + 7) & ~(size_t)7;
		q->events[i - done] = *event;
	}
	q->n -= done;
	q->data_n = at;
}

static int by_place(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->at < y->at ? -1 : 1;
}

void event_queue_run(struct event_queue *q, uint64_t until_ns, void *arg)
{
	size_t done = 0;

	qsort(q->events, q->n, sizeof(*q->events), by_time);
	while (done < q->n && q->events[done].t_ns <= until_ns) {
		struct event *event = &q->events[done++];

		event->fn(arg, q->data + event->at, event->bytes);
	}
	/* Moving to the front is safe only in the order of the places. */
	qsort(q->events + done, q->n - done, sizeof(*q->events), by_place);
	keep_rest(q, done);
	array_shrink((void **)&q->events, &q->cap, q->n > KEEP_EVENTS ? q->n : KEEP_EVENTS,
		     sizeof(*q->events));
	array_shrink((void **)&q->data, &q->data_cap,
		     q->data_n > KEEP_BYTES ? q->data_n : KEEP_BYTES, 1);
}
