// SPDX-License-Identifier: BSD-2-Clause
/* The receiver itself: parts started in order, signals, parts ended in the other order. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/http.h"
#include "server/log.h"
#include "server/privileges.h"
#include "server/seccomp.h"
#include "server/verb.h"

/* How long requests that run at the end may take. */
#define GRACE_MS 5000

struct running {
	struct server server;
	int listen_fd;
	bool loopback;
	char url[HTTP_URL_BYTES];
	struct http *http;
	char error[1024];
};

static int open_listener(struct running *r)
{
	const struct server_config *c = &r->server.config;

	if (!*c->tls_cert != !*c->tls_key) {
		strcpy(r->error, "tls_cert and tls_key belong together: one is missing");
		return -EINVAL;
	}
	/* As root, where it is: the port may be a low one. */
	r->listen_fd = http_listen(c->listen, *c->tls_cert, &r->loopback, r->url, r->error);
	return r->listen_fd < 0 ? r->listen_fd : 0;
}

static int open_store(struct running *r)
{
	const struct server_config *c = &r->server.config;
	const struct store_ops *ops = store_find(c->store);

	if (!ops) {
		snprintf(r->error, sizeof(r->error), "store = %.200s: there is %s", c->store,
			 store_kinds[0]->name);
		return -EINVAL;
	}
	return ops->open(c->data, true, &r->server.store, r->error);
}

static int open_access(struct running *r)
{
	struct server *s = &r->server;
	bool open = r->loopback || s->config.insecure_no_tokens;
	int err = access_new(s->config.data, open, s->config.limits.requests_per_second, &s->access,
			     r->error);

	if (err)
		return err;
	if (access_tokens(s->access)) {
		if (!r->loopback && !*s->config.tls_cert)
			log_line("warning: tokens come over %s in the clear: set tls_cert and "
				 "tls_key, or "
				 "let a proxy do it",
				 r->url);
		return 0;
	}
	if (r->loopback)
		return 0;
	if (s->config.insecure_no_tokens) {
		log_line("warning: anybody who reaches %s may write and read", r->url);
		return 0;
	}
	snprintf(r->error, sizeof(r->error),
		 "there is no token, and %s can be reached by others: make one (backdraft-server "
		 "token "
		 "create NAME), listen on 127.0.0.1, or give --insecure-no-tokens",
		 r->url);
	return -EPERM;
}

static int start(struct running *r)
{
	struct server *s = &r->server;
	int err = open_listener(r);

	if (!err)
		err = privileges_drop(&s->config, r->error);
	if (!err)
		err = open_access(r);
	if (!err && s->config.seccomp)
		err = seccomp_enter();
	if (!err)
		err = open_store(r);
	if (!err)
		err = connections_new(&s->config.limits, &s->counters, &s->connections);
	if (!err)
		err = writer_new(s->store, &s->config, &s->counters, &s->writer);
	if (!err)
		err = http_new(s, r->listen_fd, &r->http, r->error);
	return err;
}

static void wait_for_requests(struct server *s)
{
	struct timespec step = {0, 10000000};

	for (int ms = 0; atomic_load(&s->running) && ms < GRACE_MS; ms += 10)
		nanosleep(&step, NULL);
}

static void stop(struct running *r)
{
	struct server *s = &r->server;

	atomic_store(&s->stopping, true);
	if (r->http) {
		http_stop(r->http);
		wait_for_requests(s);
	} else if (r->listen_fd >= 0) {
		close(r->listen_fd);
	}
	/* Answers those that wait, and refuses the rest; only then the listener can go. */
	if (s->writer)
		writer_stop(s->writer);
	http_free(r->http);
	writer_free(s->writer);
	connections_free(s->connections);
	access_free(s->access);
	if (s->store)
		s->store->ops->close(s->store);
}

static void reload(struct running *r)
{
	char error[HTTP_ERROR_BYTES];

	access_reload(r->server.access);
	if (http_reload(r->http, error))
		log_line("%s; the old certificate stays", error);
	else
		log_line("read certificate and tokens again");
}

static void serve(struct running *r, const sigset_t *signals)
{
	int signal;

	log_line("listening on %s", r->url);
	while (!sigwait(signals, &signal) && signal == SIGHUP)
		reload(r);
	log_line("stopping");
}

/*
 * What one report takes to be read is taken again by the next one: handing it back to the kernel in
 * between costs more than reading does. And few arenas, since each keeps what it had at its worst.
 */
static void keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	mallopt(M_TRIM_THRESHOLD, 16 << 20);
	mallopt(M_ARENA_MAX, 4);
}

int verb_run(struct server_config *config, int n, char **args)
{
	struct running r = {.listen_fd = -1};
	sigset_t signals;
	int err;

	if (n)
		return verb_usage("no verb '%s'", args[0]);
	r.server.config = *config;
	r.server.started_s = time(NULL);
	signal(SIGPIPE, SIG_IGN);
	keep_memory();
	/* Before any thread: all of them leave signals to this one. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	err = start(&r);
	if (err)
		log_line("%s", *r.error ? r.error : strerror(-err));
	else
		serve(&r, &signals);
	stop(&r);
	return !err ? VERB_DONE : err == -EINVAL || err == -EPERM ? VERB_WRONG_USE : VERB_FAILED;
}
