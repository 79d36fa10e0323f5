/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's socket: a Unix stream socket for root and the group "backdraft", where there is one.
 * A request is one line of JSON, and so is the answer: user/lib/status/status.h. A connection may send any
 * number of requests, one after the other.
 */
#ifndef BD_CONTROL_H
#define BD_CONTROL_H

#include <stddef.h>

#define CONTROL_LINE_MAX 4096
#define CONTROL_CONNECTIONS 16
#define CONTROL_ERROR 256

struct control;
struct out; /* user/lib/base/out.h */

/* Writes the answer to one request, a line. */
typedef void control_fn(void *arg, const char *line, struct out *answer);

/* Takes the place of a socket that a dead daemon left. 0, or -errno and one line in `error`. */
int control_new(struct control **ret, const char *path, control_fn *fn, void *arg,
		char error[CONTROL_ERROR]);
/* Removes the socket. */
void control_free(struct control *c);
/* Readable when somebody wants something: then control_run(), which never blocks. */
int control_fd(const struct control *c);
void control_run(struct control *c);

#endif
