// SPDX-License-Identifier: BSD-2-Clause
#include "server/connections.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "server/rate.h"
#include "user/lib/base/siphash.h"

#define LOOK_EVERY_NS 250000000
#define BUCKETS 4096
#define ADDRESS_BYTES 16
/* An address without a connection is forgotten when its rate has recovered. */
#define FORGET_MS 2000

struct address {
	uint8_t address[ADDRESS_BYTES];
	uint64_t open;
	struct rate rate;
	struct address *next;
};

struct connection {
	int fd;
	bool plain;
	_Atomic int phase;
	_Atomic int64_t until_ms;
	struct address *address;
	struct connection *next, **back;
};

struct connections {
	const struct limits *limits;
	struct counters *counters;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	uint64_t open;
	struct connection *first;
	uint8_t key[SIPHASH_KEY_BYTES];
	struct address *bucket[BUCKETS];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* What a phase may take, what is said at its end, and what it counts to. */
static uint64_t phase_s(const struct limits *l, int phase)
{
	switch (phase) {
	case CONNECTION_IDLE:
		return l->idle_time;
	case CONNECTION_HEADERS:
		return l->header_time;
	case CONNECTION_BODY:
		return l->body_time;
	case CONNECTION_ANSWER:
		return l->answer_time;
	}
	return 0;
}

static void count_expired(struct counters *c, int phase)
{
	_Atomic uint64_t *const counter[CONNECTION_PHASES] = {
		[CONNECTION_IDLE] = &c->expired_idle,
		[CONNECTION_HEADERS] = &c->expired_headers,
		[CONNECTION_BODY] = &c->expired_bodies,
		[CONNECTION_ANSWER] = &c->expired_answers,
	};

	if (counter[phase])
		count(counter[phase], 1);
}

/* An answer that libmicrohttpd does not know of; the socket never makes us wait. */
static void tell(const struct connection *c, const char *status, const char *sentence)
{
	char text[512];
	int n;

	if (c->plain) {
		n = snprintf(text, sizeof(text),
			     "HTTP/1.1 %s\r\nContent-Type: application/json\r\nRetry-After: 5\r\n"
			     "Content-Length: %zu\r\nConnection: close\r\n\r\n{\"error\":\"%s\"}\n",
			     status, strlen(sentence) + 13, sentence);
		if (send(c->fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			n = 0; /* it is not there to listen */
	}
	shutdown(c->fd, SHUT_RDWR);
}

static void expire(struct connections *all, struct connection *c, int phase)
{
	/* Who has just finished the phase is first, and stays. */
	if (!atomic_compare_exchange_strong(&c->phase, &phase, CONNECTION_EXPIRED))
		return;
	count_expired(all->counters, phase);
	if (phase == CONNECTION_HEADERS)
		tell(c, "408 Request Timeout", "the headers took too long to come");
	else if (phase == CONNECTION_BODY)
		tell(c, "408 Request Timeout", "the body took too long to come");
	else
		shutdown(c->fd, SHUT_RDWR);
}

static void forget_addresses(struct connections *all, int64_t now)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct address **at = &all->bucket[i];

		while (*at) {
			struct address *a = *at;

			if (a->open || now < a->rate.at_ms + FORGET_MS) {
				at = &a->next;
				continue;
			}
			*at = a->next;
			free(a);
		}
	}
}

static void *look(void *ctx)
{
	struct connections *all = ctx;
	int64_t forget_at = 0;

	pthread_mutex_lock(&all->lock);
	while (!all->stop) {
		int64_t now = now_ms();
		struct timespec until;

		for (struct connection *c = all->first; c; c = c->next) {
			int phase = atomic_load(&c->phase);

			if (phase_s(all->limits, phase) && now >= atomic_load(&c->until_ms))
				expire(all, c, phase);
		}
		if (now >= forget_at) {
			forget_addresses(all, now);
			forget_at = now + FORGET_MS;
		}
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += LOOK_EVERY_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&all->wake, &all->lock, &until);
	}
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

int connections_new(const struct limits *limits, struct counters *counters,
		    struct connections **ret)
{
	struct connections *all = calloc(1, sizeof(*all));
	pthread_condattr_t attr;
	int err;

	if (!all)
		return -ENOMEM;
	all->limits = limits;
	all->counters = counters;
	if (getrandom(all->key, sizeof(all->key), 0) != sizeof(all->key)) {
		free(all);
		return -EIO;
	}
	pthread_mutex_init(&all->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&all->wake, &attr);
	pthread_condattr_destroy(&attr);
	err = -pthread_create(&all->thread, NULL, look, all);
	if (err)
		free(all);
	else
		*ret = all;
	return err;
}

void connections_free(struct connections *all)
{
	if (!all)
		return;
	pthread_mutex_lock(&all->lock);
	all->stop = true;
	pthread_cond_signal(&all->wake);
	pthread_mutex_unlock(&all->lock);
	pthread_join(all->thread, NULL);
	forget_addresses(all, INT64_MAX);
	pthread_mutex_destroy(&all->lock);
	pthread_cond_destroy(&all->wake);
	free(all);
}

/* IPv4 as it is, of IPv6 the network: a host has a /64 to choose from. */
static void address_key(const struct sockaddr *from, uint8_t ret[ADDRESS_BYTES])
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	memset(ret, 0, ADDRESS_BYTES);
	if (from && from->sa_family == AF_INET) {
		memcpy(ret, mapped, sizeof(mapped));
		memcpy(ret + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
	} else if (from && from->sa_family == AF_INET6) {
		const struct in6_addr *in6 = &((const struct sockaddr_in6 *)from)->sin6_addr;

		memcpy(ret, in6, memcmp(in6, mapped, sizeof(mapped)) ? 8 : 16);
	}
}

static struct address *find_address(struct connections *all, const struct sockaddr *from)
{
	uint8_t key[ADDRESS_BYTES];
	struct siphash h;
	struct address **at, *a;

	address_key(from, key);
	siphash_init(&h, all->key);
	siphash_add(&h, key, sizeof(key));
	at = &all->bucket[siphash_result(&h) % BUCKETS];
	for (a = *at; a; a = a->next)
		if (!memcmp(a->address, key, sizeof(key)))
			return a;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	memcpy(a->address, key, sizeof(key));
	a->rate.at_ms = now_ms();
	a->next = *at;
	return *at = a;
}

struct connection *connection_open(struct connections *all, int fd, bool plain,
				   const struct sockaddr *address)
{
	struct connection *c = calloc(1, sizeof(*c));
	bool too_many;

	if (!c)
		return NULL;
	c->fd = fd;
	c->plain = plain;
	c->until_ms = now_ms() + all->limits->header_time * 1000;
	c->phase = CONNECTION_HEADERS;
	pthread_mutex_lock(&all->lock);
	c->address = find_address(all, address);
	if (!c->address) {
		pthread_mutex_unlock(&all->lock);
		free(c);
		return NULL;
	}
	c->address->open++;
	all->open++;
	too_many = all->open > all->limits->connections ||
		   c->address->open > all->limits->connections_per_address;
	c->next = all->first;
	c->back = &all->first;
	if (c->next)
		c->next->back = &c->next;
	all->first = c;
	if (too_many)
		c->phase = CONNECTION_EXPIRED;
	pthread_mutex_unlock(&all->lock);
	count(&all->counters->connections_opened, 1);
	if (too_many) {
		count(&all->counters->connections_refused, 1);
		tell(c, "503 Service Unavailable", "there are too many connections");
	}
	return c;
}

void connection_close(struct connections *all, struct connection *c)
{
	pthread_mutex_lock(&all->lock);
	*c->back = c->next;
	if (c->next)
		c->next->back = c->back;
	c->address->open--;
	all->open--;
	pthread_mutex_unlock(&all->lock);
	free(c);
}

bool connection_enter(struct connections *all, struct connection *c, enum connection_phase phase)
{
	int before = atomic_load(&c->phase);

	/* The time first: the old phase with a later end does no harm. */
	atomic_store(&c->until_ms, now_ms() + (int64_t)phase_s(all->limits, phase) * 1000);
	while (before != CONNECTION_EXPIRED)
		if (atomic_compare_exchange_weak(&c->phase, &before, phase))
			return true;
	return false;
}

bool connection_rate(struct connections *all, struct connection *c, uint64_t per_second)
{
	bool good;

	pthread_mutex_lock(&all->lock);
	good = rate_take(&c->address->rate, per_second, now_ms());
	pthread_mutex_unlock(&all->lock);
	return good;
}

uint64_t connections_open(struct connections *all)
{
	uint64_t open;

	pthread_mutex_lock(&all->lock);
	open = all->open;
	pthread_mutex_unlock(&all->lock);
	return open;
}
