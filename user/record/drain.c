// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/drain.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "user/common/clock.h"
#include "user/lib/base/array.h"
#include "user/record/urgent.h"

#define LOOK_MS 100
#define SETTLE_MS 3 /* what was too fresh to be put in order is complete then */
#define REFRESH_NS 500000000ULL /* CPUs come and go */
#define FREE_GRACE_MS 30
#define KEEP_BYTES (256u << 10) /* of a batch that has been given; what a storm took goes back */
#define DRAIN_NICE (-15) /* it does next to nothing, but must do it in time */

enum item_kind { ITEM_RECORD, ITEM_SIDEBAND, ITEM_TASK, ITEM_BLOCKER, ITEM_KINDS };

/* Before each copy. */
struct item {
	uint32_t bytes; /* of what follows, without padding */
	uint32_t kind;
};

struct task_item {
	struct bd_task task;
	uint32_t edge;
	uint32_t has_time;
	struct bd_waits waits;
	struct bd_chunk chunk;
};

struct blocker_item {
	struct bd_blocker_key key;
	struct bd_blocker value;
};

struct batch {
	char *data;
	size_t n, cap;
	uint64_t count;
};

struct drain {
	pthread_t thread;
	bool running;
	atomic_bool stop, ended;
	int error;
	char sentence[COLLECTOR_ERROR];
	struct collector *collector;
	struct sideband *sideband;
	uint64_t end_ns;
	struct batch look; /* of the look that goes on: the thread's own */
	bool some;	   /* the last look found something */
	bool woken;	   /* by a record that is in a hurry, or a ring that fills */
	atomic_int look_ms;
	pthread_mutex_t collecting; /* of the collector, the side-band and the look that goes on */
	pthread_mutex_t lock; /* of what follows */
	struct batch waiting;
	uint64_t looked_ns;
	struct batch taken; /* the taker's own */
	int ready;	    /* eventfd: there is something */
	atomic_ullong lost, idle_wakeups;
};

int drain_new(struct drain **ret)
{
	struct drain *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->look_ms = LOOK_MS;
	pthread_mutex_init(&d->lock, NULL);
	pthread_mutex_init(&d->collecting, NULL);
	d->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->ready < 0) {
		int err = -errno;

		free(d);
		return err;
	}
	*ret = d;
	return 0;
}

void drain_free(struct drain *d)
{
	char ignored[COLLECTOR_ERROR];

	if (!d)
		return;
	drain_stop(d, ignored);
	close(d->ready);
	pthread_mutex_destroy(&d->lock);
	pthread_mutex_destroy(&d->collecting);
	free(d->look.data);
	free(d->waiting.data);
	free(d->taken.data);
	free(d);
}

/* --- copying: the thread's side */
static void put(struct drain *d, enum item_kind kind, const void *head, size_t head_bytes,
		const void *rest, size_t rest_bytes)
{
	struct batch *b = &d->look;
	struct item item = { .bytes = head_bytes + rest_bytes, .kind = kind };
	size_t room = sizeof(item) + ((item.bytes + 7) & ~(size_t)7);

	if (b->n + room > DRAIN_BYTES_MAX ||
	    array_reserve((void **)&b->data, &b->cap, b->n, room, 1)) {
		d->lost++;
		return;
	}
	memcpy(b->data + b->n, &item, sizeof(item));
	memcpy(b->data + b->n + sizeof(item), head, head_bytes);
	memcpy(b->data + b->n + sizeof(item) + head_bytes, rest, rest_bytes);
	b->n += room;
	b->count++;
}

static void on_record(void *arg, const struct bd_head *record, size_t bytes)
{
	put(arg, ITEM_RECORD, record, bytes, "", 0);
}

static void on_sideband(void *arg, const struct sideband_event *event)
{
	put(arg, ITEM_SIDEBAND, event, sizeof(*event), event->name, strlen(event->name) + 1);
}

static void on_task(void *arg, const struct bd_task *task, const struct bd_waits *waits,
		    const struct bd_chunk *chunk, enum collector_edge edge)
{
	struct task_item item = { .task = *task, .edge = edge, .has_time = waits && chunk };

	if (item.has_time) {
		item.waits = *waits;
		item.chunk = *chunk;
	}
	put(arg, ITEM_TASK, &item, item.has_time ? sizeof(item) : offsetof(struct task_item, waits),
	    "", 0);
}

static void on_blocker(void *arg, const struct bd_blocker_key *key, const struct bd_blocker *value)
{
	const struct blocker_item item = { *key, *value };

	put(arg, ITEM_BLOCKER, &item, sizeof(item), "", 0);
}

struct collector_sink drain_sink(struct drain *d)
{
	return (struct collector_sink){ d, on_record, on_task, on_blocker };
}

static int append(struct batch *to, const struct batch *from)
{
	if (to->n + from->n > DRAIN_BYTES_MAX ||
	    array_reserve((void **)&to->data, &to->cap, to->n, from->n, 1))
		return -ENOMEM;
	memcpy(to->data + to->n, from->data, from->n);
	to->n += from->n;
	to->count += from->count;
	return 0;
}

/* What was found can be taken; `looked_ns` 0: by no look at the rings. */
static void publish(struct drain *d, uint64_t looked_ns)
{
	pthread_mutex_lock(&d->lock);
	if (d->look.n && append(&d->waiting, &d->look))
		d->lost += d->look.count;
	if (looked_ns)
		d->looked_ns = looked_ns;
	pthread_mutex_unlock(&d->lock);
	d->look.n = 0;
	d->look.count = 0;
	array_shrink((void **)&d->look.data, &d->look.cap, KEEP_BYTES, 1);
}

/* Two looks at the rings: what was written before the moment between them is seen by one. */
static int look_twice(struct drain *d, bool *ret_some)
{
	int n = collector_poll(d->collector, 0);

	if (n < 0)
		return n;
	d->idle_wakeups += !n;
	uint64_t looked_ns = clock_monotonic_ns();

	n = collector_poll(d->collector, 0);
	if (n < 0)
		return n;
	sideband_read(d->sideband, on_sideband, d);
	*ret_some = d->look.n;
	publish(d, looked_ns);
	return 0;
}

static int look(struct drain *d, int timeout_ms)
{
	struct pollfd rings = { .fd = collector_poll_fd(d->collector), .events = POLLIN };
	bool found = false;

	int ready = timeout_ms ? poll(&rings, 1, timeout_ms) : 0;

	if (ready < 0 && errno != EINTR)
		return -errno;
	d->woken = ready > 0;
	pthread_mutex_lock(&d->collecting);
	int err = look_twice(d, &found);

	pthread_mutex_unlock(&d->collecting);
	if (err)
		return err;
	bool some = found || d->some;

	d->some = found;
	if (some && eventfd_write(d->ready, 1) && errno != EAGAIN)
		return -errno;
	return 0;
}

static int patience_ms(const struct drain *d, uint64_t now_ns)
{
	/* A patient one comes back so soon only for what wanted to be seen. */
	bool soon = d->some && (d->woken || d->look_ms <= LOOK_MS);
	int most = soon ? SETTLE_MS : d->look_ms;

	if (!d->end_ns || d->end_ns > now_ns + most * 1000000ULL)
		return most;
	return d->end_ns > now_ns ? (int)((d->end_ns - now_ns) / 1000000) : 0;
}

/*
 * Closes the window. Those that exited just now are freed after a grace period, and their sums come
 * with it.
 */
static int end_window(struct drain *d)
{
	const struct timespec grace = { .tv_nsec = FREE_GRACE_MS * 1000000L };
	struct urgent urgent;

	urgent_begin(&urgent);
	int err = collector_end(d->collector, d->sentence);

	urgent_end(&urgent);
	if (err)
		return err;
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	nanosleep(&grace, NULL);
	return look(d, 0);
}

static void *run(void *arg)
{
	struct drain *d = arg;
	uint64_t refreshed_ns = 0, now_ns = clock_monotonic_ns();

	/* On Linux this is the thread's, not the process's; where it isn't allowed it stays. */
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), DRAIN_NICE);
	while (!d->stop && !d->error && (!d->end_ns || now_ns < d->end_ns)) {
		if (now_ns - refreshed_ns > REFRESH_NS) {
			drain_hold(d);
			collector_refresh(d->collector);
			sideband_refresh(d->sideband);
			drain_let_go(d);
			refreshed_ns = now_ns;
		}
		d->error = look(d, patience_ms(d, now_ns));
		now_ns = clock_monotonic_ns();
	}
	if (!d->error)
		d->error = end_window(d);
	d->ended = true;
	eventfd_write(d->ready, 1);
	return NULL;
}

int drain_start(struct drain *d, struct collector *collector, struct sideband *sideband,
		uint64_t end_ns)
{
	sigset_t all, before;

	d->collector = collector;
	d->sideband = sideband;
	d->end_ns = end_ns;
	/* What the begin of the window has said. */
	d->looked_ns = clock_monotonic_ns();
	d->lost += append(&d->waiting, &d->look) ? d->look.count : 0;
	d->look.n = 0;
	d->look.count = 0;
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int err = pthread_create(&d->thread, NULL, run, d);

	pthread_sigmask(SIG_SETMASK, &before, NULL);
	d->running = !err;
	return -err;
}

void drain_hold(struct drain *d)
{
	pthread_mutex_lock(&d->collecting);
}

void drain_let_go(struct drain *d)
{
	publish(d, 0);
	pthread_mutex_unlock(&d->collecting);
}

void drain_set_patience(struct drain *d, int milliseconds)
{
	d->look_ms = milliseconds;
}

int drain_fd(const struct drain *d)
{
	return d->ready;
}

int drain_stop(struct drain *d, char error[COLLECTOR_ERROR])
{
	if (d->running) {
		d->stop = true;
		pthread_join(d->thread, NULL);
		d->running = false;
	}
	if (d->error && !d->sentence[0])
		snprintf(d->sentence, sizeof(d->sentence), "reading the rings: %s",
			 strerror(-d->error));
	memcpy(error, d->sentence, COLLECTOR_ERROR);
	return d->error;
}

bool drain_ended(const struct drain *d)
{
	return d->ended;
}

/* --- handing over: the taker's side */
struct taker {
	const struct collector_sink *sink;
	sideband_fn *sideband;
};

static void give_record(const struct taker *t, const void *data, size_t bytes)
{
	t->sink->record(t->sink->arg, data, bytes);
}

static void give_sideband(const struct taker *t, const void *data, size_t bytes)
{
	struct sideband_event event;

	memcpy(&event, data, sizeof(event));
	event.name = (const char *)data + sizeof(event);
	t->sideband(t->sink->arg, &event);
}

static void give_task(const struct taker *t, const void *data, size_t bytes)
{
	const struct task_item *item = data;

	t->sink->task(t->sink->arg, &item->task, item->has_time ? &item->waits : NULL,
		      item->has_time ? &item->chunk : NULL, item->edge);
}

static void give_blocker(const struct taker *t, const void *data, size_t bytes)
{
	const struct blocker_item *item = data;

	t->sink->blocker(t->sink->arg, &item->key, &item->value);
}

static void (*const givers[ITEM_KINDS])(const struct taker *, const void *, size_t) = {
	[ITEM_RECORD] = give_record,
	[ITEM_SIDEBAND] = give_sideband,
	[ITEM_TASK] = give_task,
	[ITEM_BLOCKER] = give_blocker,
};

int drain_take(struct drain *d, int timeout_ms, const struct collector_sink *sink,
	       sideband_fn *sideband, uint64_t *ret_looked_ns)
{
	struct pollfd ready = { .fd = d->ready, .events = POLLIN };
	const struct taker taker = { sink, sideband };
	eventfd_t count;

	if (timeout_ms && poll(&ready, 1, timeout_ms) < 0 && errno != EINTR)
		return -errno;
	eventfd_read(d->ready, &count);
	pthread_mutex_lock(&d->lock);
	struct batch taken = d->waiting;

	d->waiting = d->taken;
	d->waiting.n = 0;
	d->waiting.count = 0;
	*ret_looked_ns = d->looked_ns;
	pthread_mutex_unlock(&d->lock);
	d->taken = taken;
	for (size_t at = 0; at < taken.n;) {
		const struct item *item = (const void *)(taken.data + at);

		givers[item->kind](&taker, item + 1, item->bytes);
		at += sizeof(*item) + ((item->bytes + 7) & ~(size_t)7);
	}
	array_shrink((void **)&d->taken.data, &d->taken.cap, KEEP_BYTES, 1);
	return 0;
}

uint64_t drain_lost(const struct drain *d)
{
	return d->lost;
}

uint64_t drain_idle_wakeups(const struct drain *d)
{
	return d->idle_wakeups;
}
