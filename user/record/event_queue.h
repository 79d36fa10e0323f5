/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts records from many rings in one order. What one look at the rings finds is complete up to a
 * moment just before that look; later records wait for the next.
 */
#ifndef BD_EVENT_QUEUE_H
#define BD_EVENT_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct event_queue;

typedef void event_queue_fn(void *arg, const void *data, size_t bytes);

int event_queue_new(struct event_queue **ret);
void event_queue_free(struct event_queue *q);
/* Copies a record that happened at t_ns. 0 or -ENOMEM. */
int event_queue_push(struct event_queue *q, uint64_t t_ns, event_queue_fn *fn, const void *data,
		     size_t bytes);
/* Calls each record's function for those up to `until_ns`, in the order of time. */
size_t event_queue_waiting(const struct event_queue *q);
void event_queue_run(struct event_queue *q, uint64_t until_ns, void *arg);

#endif
