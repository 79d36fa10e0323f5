// SPDX-License-Identifier: BSD-2-Clause
/* Connections that each send, wait for the answer and send the next; and files, as the plainest
 * thing that keeps the same promise. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tools/fleetsim.h"
#include "tools/synth.h"

#define HEAD_BYTES 1024
#define ANSWER_BYTES 4096
#define PATIENCE_MS 30000

struct line {
	int fd;
	char head[HEAD_BYTES], id[33];
	size_t head_n, sent, body_n;
	uint8_t *body; /* its own copy: the next one changes the original */
	size_t body_cap;
	char answer[ANSWER_BYTES];
	size_t answer_n;
	double begun;
};

double fleet_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int connect_to(const struct fleet_options *o)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	int fd = -1, on = 1;

	if (getaddrinfo(o->host, o->port, &hints, &found))
		die(o->host);
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0)
		die("connecting");
	freeaddrinfo(found);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void write_head(const struct fleet_options *o, const struct fleet_next *next, struct line *l)
{
	static const char form[] = "Content-Type: application/vnd.msgpack\r\n"
				   "Content-Encoding: gzip\r\n";
	char *id = l->id, token[128] = "";
	bool put = o->mode == FLEET_PUT;

	for (int i = 0; i < 16; i++)
		sprintf(id + 2 * i, "%02x", next->id[i]);
	if (o->token)
		snprintf(token, sizeof(token), "Authorization: Bearer %s\r\n", o->token);
	l->head_n =
		snprintf(l->head, sizeof(l->head),
			 "%s %s%s HTTP/1.1\r\nHost: %s\r\n%s%s%s%s%sContent-Length: %zu\r\n\r\n",
			 put ? "PUT" : "POST", o->path, put ? id : "", o->host, token,
			 put ? "" : form, o->mode == FLEET_REPORTS ? "Idempotency-Key: " : "",
			 o->mode == FLEET_REPORTS ? id : "", o->mode == FLEET_REPORTS ? "\r\n" : "",
			 next->body->n);
}

static void prepare(const struct fleet_options *o, struct line *l)
{
	struct fleet_next next;

	fleet_next(&next);
	write_head(o, &next, l);
	if (l->body_cap < next.body->n) {
		free(l->body);
		l->body_cap = next.body->n;
		l->body = malloc(l->body_cap);
		if (!l->body)
			die("memory");
	}
	memcpy(l->body, next.body->data, next.body->n);
	l->body_n = next.body->n;
	l->sent = l->answer_n = 0;
	l->begun = fleet_now();
}

/* As much as goes. */
static void push(struct line *l)
{
	while (l->sent < l->head_n + l->body_n) {
		size_t in_body = l->sent > l->head_n ? l->sent - l->head_n : 0;
		struct iovec parts[2] = {
			{l->head + (l->sent < l->head_n ? l->sent : l->head_n),
			 l->sent < l->head_n ? l->head_n - l->sent : 0},
			{l->body + in_body, l->body_n - in_body},
		};
		ssize_t n = writev(l->fd, parts, 2);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			die("sending");
		l->sent += n;
	}
}

/* The status of a whole answer, 0 where more must come. */
static int pull(struct line *l)
{
	ssize_t n = recv(l->fd, l->answer + l->answer_n, sizeof(l->answer) - 1 - l->answer_n, 0);
	const char *end, *length;
	size_t body = 0;

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0) {
		errno = n ? errno : ECONNRESET;
		die("receiving");
	}
	l->answer_n += n;
	l->answer[l->answer_n] = '\0';
	end = strstr(l->answer, "\r\n\r\n");
	if (!end)
		return 0;
	length = strcasestr(l->answer, "\r\nContent-Length:");
	if (length && length < end)
		body = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
	if (l->answer_n < (size_t)(end - l->answer) + 4 + body)
		return 0;
	return atoi(l->answer + strlen("HTTP/1.1 "));
}

static void account(const struct fleet_options *o, struct fleet_result *r, const struct line *l,
		    int status)
{
	if (status < 200 || status > 299) {
		r->failed++;
		r->last_status = status;
		return;
	}
	r->latency_us[r->done++] = (fleet_now() - l->begun) * 1e6;
	r->bytes += l->body_n;
	if (o->ids) {
		printf("acknowledged %s\n", l->id);
		fflush(stdout);
	}
}

void fleet_send(const struct fleet_options *o, struct fleet_result *r)
{
	struct line *lines = calloc(o->connections, sizeof(*lines));
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	uint64_t started = 0, open = 0;
	double begin;

	if (!lines || epoll < 0)
		die("memory");
	for (uint64_t i = 0; i < o->connections; i++) {
		struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u64 = i};

		lines[i].fd = connect_to(o);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, lines[i].fd, &e) < 0)
			die("epoll");
	}
	begin = fleet_now();
	for (uint64_t i = 0; i < o->connections && started < o->count; i++, started++, open++) {
		prepare(o, &lines[i]);
		push(&lines[i]);
	}
	while (open) {
		struct epoll_event events[256];
		int n = epoll_wait(epoll, events, 256, PATIENCE_MS);

		if (n <= 0)
			die("no answer");
		for (int i = 0; i < n; i++) {
			struct line *l = &lines[events[i].data.u64];
			int status;

			push(l);
			status = events[i].events & EPOLLIN ? pull(l) : 0;
			if (!status)
				continue;
			account(o, r, l, status);
			open--;
			if (started == o->count || fleet_now() - begin > o->seconds)
				continue;
			started++;
			open++;
			prepare(o, l);
			push(l);
		}
	}
	r->seconds = fleet_now() - begin;
	for (uint64_t i = 0; i < o->connections; i++) {
		close(lines[i].fd);
		free(lines[i].body);
	}
	close(epoll);
	free(lines);
}

static void write_durably(int directory, const char *name, const struct fleet_body *body)
{
	char temporary[64];
	int fd;

	snprintf(temporary, sizeof(temporary), ".%s", name);
	fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, body->data, body->n) != (ssize_t)body->n || fsync(fd) < 0 ||
	    close(fd) < 0 || renameat(directory, temporary, directory, name) < 0 ||
	    fsync(directory) < 0)
		die(name);
}

void fleet_files(const struct fleet_options *o, struct fleet_result *r)
{
	int directory = open(o->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	double begin = fleet_now();

	if (directory < 0)
		die(o->directory);
	while (r->done < o->count && fleet_now() - begin < o->seconds) {
		double one = fleet_now();
		struct fleet_next next;
		char name[33];

		fleet_next(&next);
		for (int i = 0; i < 16; i++)
			sprintf(name + 2 * i, "%02x", next.id[i]);
		write_durably(directory, name, next.body);
		r->bytes += next.body->n;
		r->latency_us[r->done++] = (fleet_now() - one) * 1e6;
	}
	r->seconds = fleet_now() - begin;
	close(directory);
}
