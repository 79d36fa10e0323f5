// SPDX-License-Identifier: BSD-2-Clause
#include "server/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/log.h"

/* Of one transaction: others wait for it. */
#define GROUP_ITEMS 512
#define GROUP_BYTES (16u << 20)
#define KEEP_EVERY_NS 1000000000ll

struct writer {
	struct store *store;
	const struct server_config *config;
	struct counters *counters;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct writer_job *first, **last;
	uint64_t waiting;
	bool stop;
	/* Of the thread alone. */
	struct store_item items[GROUP_ITEMS];
	struct store_beats beats[GROUP_ITEMS];
	int64_t keep_at_ns;
	bool keep_more, keep_failed;
};

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void finish(struct writer *w, struct writer_job *job)
{
	size_t bytes = job->bytes;

	pthread_mutex_lock(&w->lock);
	w->waiting -= bytes;
	pthread_mutex_unlock(&w->lock);
	job->done(job);
}

static void account(struct writer *w, int64_t began_ns, int status)
{
	count(&w->counters->commits, 1);
	count(&w->counters->commit_failures, status != 0);
	count(&w->counters->commit_us, (now_ns(CLOCK_MONOTONIC) - began_ns) / 1000);
}

static void write_job(struct writer *w, struct writer_job *job)
{
	const struct store_ops *ops = w->store->ops;
	int64_t began_ns = now_ns(CLOCK_MONOTONIC);

	if (job->remove)
		job->status = ops->remove(w->store, job->remove, job->error);
	else
		job->status = ops->put(w->store, job->items, job->n, job->beats, job->beats != NULL,
				       job->error);
	account(w, began_ns, job->status && job->status != -ENOENT);
	finish(w, job);
}

/* Jobs that fit into one transaction, as one; a single one that doesn't, alone. Returns the rest.
 */
static struct writer_job *write_group(struct writer *w, struct writer_job *jobs)
{
	int64_t began_ns = now_ns(CLOCK_MONOTONIC);
	struct writer_job *end = jobs, *job, *next;
	char error[STORE_ERROR_BYTES] = "";
	size_t n = 0, n_beats = 0, bytes = 0;
	int status;

	while (end && !end->remove && n + end->n <= GROUP_ITEMS && n_beats < GROUP_ITEMS &&
	       bytes < GROUP_BYTES) {
		if (end->n)
			memcpy(&w->items[n], end->items, end->n * sizeof(*end->items));
		if (end->beats)
			w->beats[n_beats++] = *end->beats;
		n += end->n;
		bytes += end->bytes;
		end = end->next;
	}
	if (end == jobs) {
		next = jobs->next;
		write_job(w, jobs);
		return next;
	}
	status = w->store->ops->put(w->store, w->items, n, w->beats, n_beats, error);
	account(w, began_ns, status);
	n = n_beats = 0;
	for (job = jobs; job != end; job = next) {
		next = job->next;
		if (job->n)
			memcpy(job->items, &w->items[n], job->n * sizeof(*job->items));
		if (job->beats)
			*job->beats = w->beats[n_beats++];
		n += job->n;
		job->status = status;
		memcpy(job->error, error, sizeof(error));
		finish(w, job);
	}
	return end;
}

/* Once a second, and again after each group while there is more to drop. */
static void keep(struct writer *w)
{
	int64_t now = now_ns(CLOCK_MONOTONIC), wall = now_ns(CLOCK_REALTIME);
	const struct server_config *c = w->config;
	struct store_keep keep = {
		.reports_since_ns = wall - (int64_t)c->keep_s * 1000000000ll,
		.beats_since_ns = wall - (int64_t)c->keep_beats_s * 1000000000ll,
		.bytes = c->keep_bytes,
	};
	char error[STORE_ERROR_BYTES];
	uint64_t dropped;
	int status;

	if (!w->keep_more && now < w->keep_at_ns)
		return;
	status = w->store->ops->keep(w->store, &keep, &dropped, error);
	count(&w->counters->reports_dropped, dropped);
	count(&w->counters->keep_failures, status < 0);
	/* Said once, not each second for as long as the disk is full. */
	if (status < 0 && !w->keep_failed)
		log_line("retention: %s", error);
	w->keep_failed = status < 0;
	w->keep_more = status > 0;
	w->keep_at_ns = now + KEEP_EVERY_NS;
}

/* What waits, or NULL after a while without anything, or at the end. */
static struct writer_job *take(struct writer *w, bool *ret_stop)
{
	struct writer_job *jobs;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&w->lock);
	if (!w->first && !w->stop && !w->keep_more)
		pthread_cond_timedwait(&w->work, &w->lock, &until);
	jobs = w->first;
	w->first = NULL;
	w->last = &w->first;
	*ret_stop = w->stop && !jobs;
	pthread_mutex_unlock(&w->lock);
	return jobs;
}

static void *writer_main(void *ctx)
{
	struct writer *w = ctx;
	bool stop;

	do {
		struct writer_job *jobs = take(w, &stop);

		while (jobs)
			jobs = write_group(w, jobs);
		if (!stop)
			keep(w);
	} while (!stop);
	return NULL;
}

int writer_new(struct store *store, const struct server_config *config, struct counters *counters,
	       struct writer **ret)
{
	struct writer *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;
	int err;

	if (!w)
		return -ENOMEM;
	w->store = store;
	w->config = config;
	w->counters = counters;
	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->work, &attr);
	pthread_condattr_destroy(&attr);
	err = -pthread_create(&w->thread, NULL, writer_main, w);
	if (err) {
		free(w);
		return err;
	}
	*ret = w;
	return 0;
}

void writer_stop(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->work);
	free(w);
}

int writer_submit(struct writer *w, struct writer_job *job)
{
	int err = 0;

	job->next = NULL;
	pthread_mutex_lock(&w->lock);
	if (w->stop || (w->waiting && w->waiting + job->bytes > w->config->limits.waiting_bytes)) {
		err = -EAGAIN;
	} else {
		w->waiting += job->bytes;
		*w->last = job;
		w->last = &job->next;
		pthread_cond_signal(&w->work);
	}
	pthread_mutex_unlock(&w->lock);
	return err;
}

uint64_t writer_waiting(struct writer *w)
{
	uint64_t waiting;

	pthread_mutex_lock(&w->lock);
	waiting = w->waiting;
	pthread_mutex_unlock(&w->lock);
	return waiting;
}
