/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may do what: the tokens as they are on disk now, at most a second old, and their rates. Where
 * there has never been a token since the start, and the listener is on loopback or was told to do
 * so, everybody may do everything.
 */
#ifndef BD_SERVER_ACCESS_H
#define BD_SERVER_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/tokens.h"

enum access_verdict {
	ACCESS_GRANTED,
	ACCESS_OPEN, /* granted, without a token: the rate is the address's */
	ACCESS_NO_TOKEN,
	ACCESS_WRONG_TOKEN,
	ACCESS_NO_SCOPE,
	ACCESS_TOO_OFTEN,
};

struct access;

/* `open`: no token is asked for as long as there is none. 0 or -errno and a line. */
int access_new(const char *directory, bool open, uint64_t per_second, struct access **ret,
	       char error[TOKENS_ERROR_BYTES]);
void access_free(struct access *a);
/* How many tokens there are. */
uint64_t access_tokens(struct access *a);
/* Reads the tokens at the next question, however new they are. */
void access_reload(struct access *a);

/* `authorization` is the header's value, or NULL; `scope` one of enum token_scope, 0 is free. */
enum access_verdict access_ask(struct access *a, const char *authorization, unsigned int scope);

#endif
