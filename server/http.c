// SPDX-License-Identifier: BSD-2-Clause
#include "server/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/log.h"
#include "server/request.h"
#include "server/tls.h"

#define BACKLOG 1024
/* Descriptors besides those of connections: the store's, the threads', and what is being refused.
 */
#define OTHER_FILES 256
/* What is still read of a body that has been refused already, so that the answer is seen. */
#define DRAIN_BYTES (4u << 20)

struct http {
	struct server *server;
	struct MHD_Daemon *daemon;
	struct tls *tls;
};

/* --- headers in */

/*
 * libmicrohttpd 0.9 takes blanks in names, and puts a folded line behind the *name* of the one
 * before: what might have been one of the two headers that say where a body ends is refused,
 * whoever wrote it how.
 */
static bool bad_name(const char *name)
{
	static const char *const framing[] = {"Transfer-Encoding", "Content-Length"};
	static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
				      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (!*name || name[strspn(name, allowed)])
		return true;
	for (size_t i = 0; i < sizeof(framing) / sizeof(framing[0]); i++)
		if (!strncasecmp(name, framing[i], strlen(framing[i])) && name[strlen(framing[i])])
			return true;
	return false;
}

static enum MHD_Result take_header(void *ctx, enum MHD_ValueKind kind, const char *name,
				   const char *value)
{
	struct request_headers *h = ctx;
	const struct {
		const char *name, **value;
		unsigned int *n;
	} known[] = {
		{"Authorization", &h->authorization, &h->n_authorization},
		{"Content-Type", &h->content_type, NULL},
		{"Content-Encoding", &h->content_encoding, NULL},
		{"Accept", &h->accept, NULL},
		{"Idempotency-Key", &h->idempotency_key, NULL},
		{"Content-Length", &h->content_length, &h->n_content_length},
		{"Transfer-Encoding", &h->transfer_encoding, &h->n_transfer_encoding},
		{"Host", NULL, &h->n_host},
	};

	h->n_bad += bad_name(name);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcasecmp(known[i].name, name))
			continue;
		if (known[i].value)
			*known[i].value = value ? value : "";
		if (known[i].n)
			++*known[i].n;
	}
	return MHD_YES;
}

/* --- answers out */

static struct MHD_Response *make_response(struct request *q)
{
	struct answer *a = &q->answer;
	struct MHD_Response *r =
		MHD_create_response_from_buffer(a->n, a->data, MHD_RESPMEM_MUST_FREE);
	bool page = a->type && strstr(a->type, "html");
	char retry[16], methods[64] = "";
	const struct {
		bool set;
		const char *name, *value;
	} headers[] = {
		{a->type, "Content-Type", a->type},
		{a->encoding, "Content-Encoding", a->encoding},
		{a->retry_s, "Retry-After", retry},
		{a->close, "Connection", "close"},
		{a->status == 401, "WWW-Authenticate", "Bearer"},
		{a->status == 405, "Allow", methods},
		{true, "X-Content-Type-Options", "nosniff"},
		{true, "Cache-Control", "no-store"},
		/* A picture of what others have sent: it may run, but not as part of this site. */
		{page, "Content-Security-Policy", "sandbox allow-scripts allow-downloads"},
	};

	if (!r)
		return NULL;
	a->data = NULL;
	snprintf(retry, sizeof(retry), "%u", a->retry_s);
	if (a->status == 405)
		route_methods(q->uri, methods, sizeof(methods));
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (headers[i].set)
			MHD_add_response_header(r, headers[i].name, headers[i].value);
	return r;
}

static void count_answer(struct counters *c, unsigned int status)
{
	count(&c->requests, 1);
	count(status < 400 ? &c->answers_2xx : status < 500 ? &c->answers_4xx : &c->answers_5xx, 1);
}

static struct connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static enum MHD_Result send_answer(struct request *q, struct MHD_Connection *mhd)
{
	struct server *s = q->server;
	struct MHD_Response *r;
	enum MHD_Result result;

	if (!connection_enter(s->connections, connection_of(mhd), CONNECTION_ANSWER))
		return MHD_NO;
	r = make_response(q);
	if (!r)
		return MHD_NO;
	count_answer(&s->counters, q->answer.status);
	result = MHD_queue_response(mhd, q->answer.status, r);
	MHD_destroy_response(r);
	return result;
}

/*
 * An answer in the middle of a body that has no end, where libmicrohttpd takes none. It is written
 * by the thread that owns the connection, which has nothing else to say there.
 */
static void tell(struct request *q, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *session =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	struct answer *a = &q->answer;
	char text[2048];
	int n = snprintf(text, sizeof(text),
			 "HTTP/1.1 %u Refused\r\nContent-Type: application/json\r\n"
			 "Content-Length: %zu\r\nConnection: close\r\n\r\n%.*s",
			 a->status, a->n, (int)a->n, a->data ? a->data : "");
	ssize_t sent = -1;

	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	if (session && session->tls_session)
		sent = gnutls_record_send(session->tls_session, text, n);
	else if (fd)
		sent = send(fd->connect_fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent == n)
		count_answer(&q->server->counters, a->status);
	q->told = true;
}

/* --- requests */

static void suspend(struct request *q)
{
	q->suspended = true;
	MHD_suspend_connection(q->connection);
}

static void wake(struct request *q)
{
	MHD_resume_connection(q->connection);
}

static enum MHD_Result begin(struct request *q, struct MHD_Connection *mhd, const char *method)
{
	struct server *s = q->server;
	struct connection *c = connection_of(mhd);

	q->begun = true;
	q->connection = mhd;
	q->suspend = suspend;
	q->wake = wake;
	if (!c || !connection_enter(s->connections, c, CONNECTION_BODY))
		return MHD_NO;
	MHD_get_connection_values(mhd, MHD_HEADER_KIND, take_header, &q->headers);
	request_begin(q, c, method);
	return q->answer.status ? send_answer(q, mhd) : MHD_YES;
}

static enum MHD_Result body(struct request *q, struct MHD_Connection *mhd, const char *data,
			    size_t size)
{
	request_body(q, data, size);
	if (!q->answer.status)
		return MHD_YES;
	/* One with a length is read to its end, which isn't far. */
	if (!q->headers.n_transfer_encoding)
		return MHD_YES;
	if (!q->told)
		tell(q, mhd);
	q->drained += size;
	return q->drained > DRAIN_BYTES ? MHD_NO : MHD_YES;
}

static enum MHD_Result end(struct request *q, struct MHD_Connection *mhd)
{
	q->ended = true;
	if (q->told)
		return MHD_NO;
	if (q->answer.status)
		return send_answer(q, mhd);
	if (!connection_enter(q->server->connections, connection_of(mhd), CONNECTION_WORK))
		return MHD_NO;
	request_end(q);
	return q->suspended ? MHD_YES : send_answer(q, mhd);
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *mhd, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *size, void **request)
{
	struct request *q = *request;
	size_t n = *size;

	if (!q)
		return MHD_NO;
	if (!q->begun)
		return begin(q, mhd, method);
	*size = 0;
	if (n)
		return body(q, mhd, data, n);
	return q->ended ? send_answer(q, mhd) : end(q, mhd);
}

/* The first line is there: from now on the headers have their time. */
static void *first_line(void *ctx, const char *uri, struct MHD_Connection *mhd)
{
	struct server *s = ctx;
	struct connection *c = connection_of(mhd);

	if (c)
		connection_enter(s->connections, c, CONNECTION_HEADERS);
	atomic_fetch_add(&s->running, 1);
	return request_new(s, uri);
}

static void completed(void *ctx, struct MHD_Connection *mhd, void **request,
		      enum MHD_RequestTerminationCode how)
{
	struct server *s = ctx;
	struct connection *c = connection_of(mhd);

	atomic_fetch_sub(&s->running, 1);
	request_free(*request);
	*request = NULL;
	if (c)
		connection_enter(s->connections, c, CONNECTION_IDLE);
}

static void connected(void *ctx, struct MHD_Connection *mhd, void **socket_context,
		      enum MHD_ConnectionNotificationCode what)
{
	struct http *h = ctx;
	struct connections *all = h->server->connections;
	const union MHD_ConnectionInfo *fd, *address;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*socket_context)
			connection_close(all, *socket_context);
		*socket_context = NULL;
		return;
	}
	fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	address = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	*socket_context = connection_open(all, fd->connect_fd, !h->tls,
					  address ? address->client_addr : NULL);
	if (!*socket_context)
		shutdown(fd->connect_fd, SHUT_RDWR);
}

/* --- the listener */

static int split_address(const char *text, char *host, size_t host_bytes, const char **ret_port)
{
	const char *colon = strrchr(text, ':'), *end = colon;

	if (!colon || !colon[1])
		return -EINVAL;
	if (*text == '[') {
		text++;
		end = colon - 1;
		if (*end != ']')
			return -EINVAL;
	}
	if (end < text || (size_t)(end - text) >= host_bytes ||
	    (*end == ':' && memchr(text, ':', end - text)))
		return -EINVAL;
	memcpy(host, text, end - text);
	host[end - text] = '\0';
	*ret_port = colon + 1;
	return 0;
}

static bool is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
	return a->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

static int bind_and_listen(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static void write_url(int fd, bool tls, char ret[HTTP_URL_BYTES])
{
	struct sockaddr_storage own;
	socklen_t size = sizeof(own);
	char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";

	if (!getsockname(fd, (struct sockaddr *)&own, &size))
		getnameinfo((struct sockaddr *)&own, size, host, sizeof(host), port, sizeof(port),
			    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(ret, HTTP_URL_BYTES, strchr(host, ':') ? "%s://[%.80s]:%.10s" : "%s://%.80s:%.10s",
		 tls ? "https" : "http", host, port);
}

int http_listen(const char *address, bool tls, bool *ret_loopback, char ret_url[HTTP_URL_BYTES],
		char error[HTTP_ERROR_BYTES])
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
				 .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char host[256];
	const char *port;
	int fd, status;

	if (split_address(address, host, sizeof(host), &port)) {
		snprintf(error, HTTP_ERROR_BYTES,
			 "listen = %.200s: allowed is ADDRESS:PORT, or [ADDRESS]:PORT for IPv6",
			 address);
		return -EINVAL;
	}
	status = getaddrinfo(*host ? host : NULL, port, &hints, &found);
	if (status) {
		snprintf(error, HTTP_ERROR_BYTES, "listen = %.200s: %s", address,
			 gai_strerror(status));
		return -EINVAL;
	}
	fd = bind_and_listen(found);
	if (fd < 0) {
		snprintf(error, HTTP_ERROR_BYTES, "%.200s: %s", address, strerror(-fd));
	} else {
		*ret_loopback = is_loopback(found->ai_addr);
		write_url(fd, tls, ret_url);
	}
	freeaddrinfo(found);
	return fd;
}

/* Fewer files than connections: the limit that is told is the one that holds. */
static void raise_files(struct limits *limits)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur == RLIM_INFINITY || limits->connections + OTHER_FILES <= files.rlim_cur)
		return;
	limits->connections = files.rlim_cur > 2 * OTHER_FILES ? files.rlim_cur - OTHER_FILES : 64;
	log_line("connections: only %llu, since the process may have %llu open files",
		 (unsigned long long)limits->connections, (unsigned long long)files.rlim_cur);
}

static void no_log(void *ctx, const char *format, va_list args)
{
}

static int start(struct http *h, int listen_fd)
{
	const struct server_config *c = &h->server->config;
	/* Those over the limits are refused by us, with a sentence; this one is never reached. */
	unsigned int most = c->limits.connections + OTHER_FILES;
	struct MHD_OptionItem options[] = {
		{MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)no_log, NULL},
		{MHD_OPTION_LISTEN_SOCKET, listen_fd, NULL},
		{MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)c->threads, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, most < c->threads ? (intptr_t)c->threads : most,
		 NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)c->limits.header_bytes, NULL},
		{MHD_OPTION_CONNECTION_TIMEOUT, 0, NULL},
		{MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
		{MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)first_line, h->server},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)completed, h->server},
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connected, h},
		{h->tls ? MHD_OPTION_HTTPS_CERT_CALLBACK : MHD_OPTION_END, 0, tls_retrieve},
		{MHD_OPTION_END, 0, NULL},
	};
	unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			     MHD_USE_ERROR_LOG | (h->tls ? MHD_USE_TLS : 0);

	h->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, h->server, MHD_OPTION_ARRAY,
				     options, MHD_OPTION_END);
	return h->daemon ? 0 : -EIO;
}

int http_new(struct server *s, int listen_fd, struct http **ret, char error[HTTP_ERROR_BYTES])
{
	struct http *h = calloc(1, sizeof(*h));
	int err = 0;

	if (!h)
		return -ENOMEM;
	h->server = s;
	raise_files(&s->config.limits);
	if (*s->config.tls_cert)
		err = tls_new(s->config.tls_cert, s->config.tls_key, &h->tls, error);
	if (!err && start(h, listen_fd)) {
		snprintf(error, HTTP_ERROR_BYTES, "the listener could not be started: %m");
		err = -EIO;
	}
	if (err) {
		tls_free(h->tls);
		free(h);
		return err;
	}
	*ret = h;
	return 0;
}

int http_reload(struct http *h, char error[HTTP_ERROR_BYTES])
{
	return h->tls ? tls_reload(h->tls, error) : 0;
}

void http_stop(struct http *h)
{
	int fd = MHD_quiesce_daemon(h->daemon);

	if (fd >= 0)
		close(fd);
}

void http_free(struct http *h)
{
	if (!h)
		return;
	MHD_stop_daemon(h->daemon);
	tls_free(h->tls);
	free(h);
}
