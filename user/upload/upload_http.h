/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One POST after the other to a receiver, by libcurl, over a connection that stays open. HTTP/1.1,
 * or HTTP/2 where TLS agrees on it. Redirects are not followed, only http and https are spoken, and
 * what comes back is bounded. A proxy is taken from the environment, but not for plain HTTP, which
 * goes to loopback alone: a token would go to the proxy in the open.
 *
 * `make static` leaves the .c out: the verb then says so.
 */
#ifndef BD_UPLOAD_HTTP_H
#define BD_UPLOAD_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "user/lib/upload/answer.h"

struct upload_http;

/* All texts are copied. */
struct upload_http_options {
	const char *url;	/* base; config.h has checked it */
	const char *token;	/* NULL: none */
	const char *authorities; /* PEM of those that are trusted; NULL: the library's own way */
	size_t authorities_bytes;
	uint32_t connect_s, total_s;
};

/* What is sent: a descriptor from its beginning, or memory where fd is -1. */
struct upload_http_body {
	int fd;
	const void *data;
	uint64_t size;
	const char *key; /* Idempotency-Key, or NULL */
};

struct upload_http_reply {
	int status; /* of HTTP; 0: there was no answer, and `error` says why, in one sentence */
	int64_t retry_after_s; /* -1: it didn't say */
	size_t n;
	char body[ANSWER_BODY_MAX];
	char error[ANSWER_TEXT_BYTES];
};

struct upload_transport {
	/* 0, -ENOMEM, or -EINVAL: libcurl can't do what is asked. */
	int (*open)(const struct upload_http_options *options, struct upload_http **ret);
	void (*close)(struct upload_http *h);
	void (*post)(struct upload_http *h, const char *path, const struct upload_http_body *body,
		     struct upload_http_reply *ret);
	/* The file of authorities that the library would use, or NULL. */
	const char *(*authorities)(void);
};

/* Absent where the tool was built without libcurl. */
extern const struct upload_transport upload_curl __attribute__((weak));

#endif
