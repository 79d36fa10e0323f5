/* SPDX-License-Identifier: BSD-2-Clause */
/* What a request is answered: a status, and a body that it owns. */
#ifndef BD_SERVER_ANSWER_H
#define BD_SERVER_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "user/lib/base/out.h"

struct answer {
	unsigned int status;  /* of HTTP; 0 is not answered yet */
	const char *type;     /* Content-Type */
	const char *encoding; /* Content-Encoding, or NULL */
	unsigned int retry_s; /* Retry-After; 0 is none */
	bool close;	      /* the connection, too: what follows can't be trusted */
	char *data;
	size_t n;
};

void answer_release(struct answer *a);

/* {"error": "one sentence"}; a status that asks for patience gets its Retry-After. Replaces what
 * was there. */
void answer_error(struct answer *a, unsigned int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Takes what is in `out`, which is released; an error of `out` becomes a 500. */
void answer_out(struct answer *a, unsigned int status, const char *type, struct out *out);
/* Takes `data`, which was allocated. */
void answer_data(struct answer *a, unsigned int status, const char *type, void *data, size_t n);

#endif
