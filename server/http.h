/* SPDX-License-Identifier: BSD-2-Clause */
/* The listener: libmicrohttpd with epoll and a pool of threads, over TLS where there is a key. */
#ifndef BD_SERVER_HTTP_H
#define BD_SERVER_HTTP_H

#include <stdbool.h>

#include "server/server.h"

#define HTTP_ERROR_BYTES 512

struct http;

/*
 * A listening socket for `ADDRESS:PORT`, port 0 is any. The descriptor, which ret_loopback tells
 * whether others can reach, and ret_url for a person; or -errno and a line.
 */
#define HTTP_URL_BYTES 128
int http_listen(const char *address, bool tls, bool *ret_loopback, char ret_url[HTTP_URL_BYTES],
		char error[HTTP_ERROR_BYTES]);

/* Answers on that socket, which it takes, until http_free(). 0 or -errno and a line. */
int http_new(struct server *s, int listen_fd, struct http **ret, char error[HTTP_ERROR_BYTES]);
/* Reads certificate and key again; what is there stays where they can't be used. */
int http_reload(struct http *h, char error[HTTP_ERROR_BYTES]);
/* Takes no more requests; those that run get their answer. */
void http_stop(struct http *h);
/* After the writer is gone. */
void http_free(struct http *h);

#endif
