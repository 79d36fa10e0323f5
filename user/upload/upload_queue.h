/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The spool as the uploader sees it: what is sent next, and what becomes of it. One pass takes the
 * spool's lock, which is the directory's own (flock), sends what waits until something has to wait,
 * and gives the lock back: another uploader can work meanwhile, never at the same time.
 */
#ifndef BD_UPLOAD_QUEUE_H
#define BD_UPLOAD_QUEUE_H

#include "user/lib/upload/backoff.h"
#include "user/upload/spool.h"
#include "user/upload/upload_http.h"
#include "user/upload/upload_status.h"

struct upload_queue {
	struct spool spool;
	const struct upload_transport *transport;
	struct upload_http *http;
	struct upload_http_reply *reply;
	struct upload_status status;
	struct backoff backoff, beats_backoff;
	uint64_t next_ms, beats_next_ms; /* CLOCK_MONOTONIC: not before */
	uint64_t said_ms;		 /* when .upload was written last */
	char *last_failed;		 /* the next pass begins behind it */
	bool token_refused;
	bool failed;	  /* in this pass, so that reports are left which can be sent */
	uint64_t waiting; /* reports at the end of the pass */
};

/* 0 or -errno and one line in `error`. The transport stays the caller's. */
int upload_queue_open(struct upload_queue *ret, const char *path, char error[SPOOL_ERROR]);
void upload_queue_close(struct upload_queue *q);

#define UPLOAD_IDLE_MS 60000

/*
 * One pass over reports and heartbeats. 0; -EBUSY: another uploader has the lock; -errno. After it,
 * upload_queue_wait_ms() is for how long no report may be sent (0: all are), and
 * upload_queue_idle_ms() when to look again where nothing new comes.
 */
int upload_queue_pass(struct upload_queue *q);
uint64_t upload_queue_wait_ms(const struct upload_queue *q);
uint64_t upload_queue_idle_ms(const struct upload_queue *q);

#endif
