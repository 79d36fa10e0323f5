/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a receiver's answer to the uploader means. It may come from anything that listens on that
 * port, so it is believed only where it is what the receiver says: a report is delivered when a 200
 * has the receiver's JSON and names the report, and by nothing less.
 */
#ifndef BD_ANSWER_H
#define BD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/profile/report.h"

#define ANSWER_BODY_MAX (64u << 10)
#define ANSWER_TEXT_BYTES 501 /* 500 and the end */

enum answer_verdict {
	ANSWER_DELIVERED,
	ANSWER_REJECTED, /* this one will never be taken */
	ANSWER_TOKEN,	 /* nothing will be taken before somebody sees to the token */
	ANSWER_WAIT,	 /* try again later */
};

struct answer {
	enum answer_verdict verdict;
	bool stored;	   /* false: the receiver had it already */
	bool facts_wanted; /* of heartbeats */
	char text[ANSWER_TEXT_BYTES]; /* the receiver's sentence, or ours: one line, no control
					 characters */
};

/* Of POST /v1/reports with this report. `body` need not be terminated. */
void answer_report(int http_status, const void *body, size_t size,
		   const uint8_t id[REPORT_ID_BYTES], struct answer *ret);
/* Of POST /v1/heartbeats. */
void answer_heartbeats(int http_status, const void *body, size_t size, struct answer *ret);

/* One line of at most ANSWER_TEXT_BYTES - 1 bytes: UTF-8 is kept whole, control characters, and what
 * is no UTF-8, don't come through. */
void answer_scrub(const char *text, size_t size, char ret[ANSWER_TEXT_BYTES]);

#endif
