/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection to the daemon, for the verbs that ask it; user/lib/status/status.h says what is said. */
#ifndef BD_CONTROL_CLIENT_H
#define BD_CONTROL_CLIENT_H

#include "user/lib/base/out.h"
#include "user/lib/status/status.h"

#define CONTROL_CLIENT_TIMEOUT_S 10

struct control_client {
	int fd;
	char *path;	   /* of the socket */
	struct out buffer; /* what came behind the last answer */
};

/*
 * Connects to the socket that the configuration names: CONFIG, or the usual file where that is NULL
 * (and the default where there is none). Exit status, after saying what is wrong. All of these say
 * what is wrong.
 */
int control_client_open(const char *config, struct control_client *ret);
void control_client_close(struct control_client *c);

/* Asks, and gives the line of the answer, without its newline: valid until the next call. */
int control_client_ask(struct control_client *c, const struct status_request *request,
		       const char **ret_line, size_t *ret_len);
/* Asks for a status, to be released. */
int control_client_status(struct control_client *c, enum status_verb verb, struct status *ret);

#endif
