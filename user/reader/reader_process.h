/* SPDX-License-Identifier: BSD-2-Clause */
/* The child of a reader as a process: started, asked with a deadline, killed, paid for. */
#ifndef BD_READER_PROCESS_H
#define BD_READER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "user/lib/symbols/reader_proto.h"
#include "user/reader/reader.h"

#define READER_UNREAPED_MAX 8
#define READER_FAILED_STARTS_MAX 3
#define READER_PACKETS_MAX 4096 /* of one answer */

struct reader_process {
	const char *rights; /* of the child, see reader_log.h; NULL: those that need none of a client */
	pid_t pid; /* 0: none */
	int socket;
	bool ready;		/* it has said hello */
	int nice;		/* for a child, once it is ready: it begins at its own, low one */
	bool has_nice;
	unsigned failed_starts; /* in a row; no more are tried after READER_FAILED_STARTS_MAX */
	uint64_t serial;
	uint64_t dead_cpu_ns, rss_bytes;
	uint32_t started;
	pid_t unreaped[READER_UNREAPED_MAX]; /* killed, but not gone yet */
	uint8_t *packet;		     /* READER_PACKET_MAX bytes */
};

int reader_process_init(struct reader_process *p);
void reader_process_release(struct reader_process *p);

/* Starts a child where none is. 0 or -errno. */
int reader_process_start(struct reader_process *p);
/* Kills the child where there is one. It isn't waited for longer than 100 ms. */
void reader_process_stop(struct reader_process *p);

/*
 * One packet of an answer: its payload, and a descriptor or -1, which is the callee's. Returns 0,
 * or -EPROTO where the payload makes no sense.
 */
typedef int reader_payload_fn(void *arg, const void *payload, size_t size, int fd);

/*
 * Sends a request (`q->serial` is set here) with `fd` (or -1) and takes the answer until the
 * CLOCK_MONOTONIC time `deadline_ns`. A child that was found dead is replaced, once. Returns the
 * child's reason, or what became of it: then it is killed, and the next call starts another one.
 */
enum reader_reason reader_process_call(struct reader_process *p, struct reader_request *q, int fd,
				       int64_t deadline_ns, reader_payload_fn *fn, void *arg);

void reader_process_cost(struct reader_process *p, struct reader_cost *ret);
int64_t reader_now_ns(void);

#endif
