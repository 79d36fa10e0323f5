/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of fleetsim share: bodies that cost nothing to make anew, and who sends them. */
#ifndef BD_FLEETSIM_H
#define BD_FLEETSIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fleet_mode { FLEET_REPORTS, FLEET_HEARTBEATS, FLEET_PUT, FLEET_FILES };

struct fleet_options {
	enum fleet_mode mode;
	const char *host, *port, *path, *directory, *token;
	uint64_t seed, hosts, bytes, connections, count, minutes;
	double seconds;
	bool ids; /* print the id of each report that was acknowledged, at once */
};

/*
 * A body as an agent would send it, gzip-compressed, whose first bytes stand in it as they are: the
 * identity in there is changed for each time that it is sent, and the check sum follows by
 * arithmetic (crc32_combine), so that a thousand different reports a second cost the sender
 * nothing.
 */
struct fleet_body {
	uint8_t *data;
	size_t n;
	size_t plain_at, plain_n; /* the bytes that stand as they are */
	size_t id_at, time_at;	  /* in data; time_at 0 is none */
	uint32_t rest_crc, combine;
	uint64_t rest_n;
};

/* Of one MessagePack document; `id_name` is the field whose 16 bytes are changed. Exits on failure.
 */
void fleet_body_make(struct fleet_body *b, const uint8_t *document, size_t n, const char *id_name,
		     const char *time_name);
/* Gives it another identity, and time unless that is 0. */
void fleet_body_change(struct fleet_body *b, const uint8_t id[16], int64_t t_ns);

/* `hosts` reports of about `bytes` each, of the same programs in different weather. */
struct fleet_body *fleet_reports(const struct fleet_options *o);
/* A batch of `minutes` heartbeats that end at t_ns, for any host. */
void fleet_heartbeats(const struct fleet_options *o, int64_t t_ns, struct fleet_body *ret);

/* The next body to send, and its id. */
struct fleet_next {
	const struct fleet_body *body;
	uint8_t id[16];
};
void fleet_next(struct fleet_next *next);

struct fleet_result {
	uint64_t done, failed, bytes;
	double seconds;
	uint32_t *latency_us; /* of each that is done */
	int last_status;
};
/* Over keep-alive connections, each of which waits for its answer; or into files. */
void fleet_send(const struct fleet_options *o, struct fleet_result *ret);
void fleet_files(const struct fleet_options *o, struct fleet_result *ret);

double fleet_now(void);

#endif
