/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Heartbeats in memory and as bytes: a batch of one host, by the same machinery as the report
 * (heartbeat.def, wire.h). gzip of one MessagePack map; JSON with the same names.
 *
 * Ownership is the report's: a batch owns every string and column in it. Rows are added with
 * heartbeats_beats_add(), heartbeats_clients_add() and heartbeats_processes_add().
 */
#ifndef BD_HEARTBEAT_H
#define BD_HEARTBEAT_H

#include "user/lib/profile/codec.h"
#include "user/lib/base/out.h"
#include "user/lib/profile/report.h"
#include "user/lib/profile/wire.h"

#define HEARTBEATS_SCHEMA "backdraft.heartbeats/1"

#define heartbeats_heartbeats heartbeats
#define WIRE_ROOT heartbeats
#define WIRE_DEF "heartbeat.def"
#include "user/lib/profile/wire_structs.h"
#undef WIRE_ROOT
#undef WIRE_DEF

extern const struct wire_type wire_heartbeats, wire_heartbeats_facts;
extern const struct wire_root wire_root_heartbeats;

/* All limits of reading a batch: far above what an agent sends, far below those of a report. */
extern const struct report_limits heartbeats_limits_default;

/* The empty batch, of schema HEARTBEATS_SCHEMA. 0 or -ENOMEM. */
int heartbeats_init(struct heartbeats *h);
void heartbeats_release(struct heartbeats *h);

/* As report_intern() and report_text(). */
int64_t heartbeats_intern(struct heartbeats *h, const char *text);
const char *heartbeats_text(const struct heartbeats *h, uint32_t ref);

/* As report_encode() and report_decode(); `limits` NULL is heartbeats_limits_default. */
int heartbeats_encode(const struct heartbeats *h,
		      int (*write)(void *ctx, const void *data, size_t size), void *ctx);
int heartbeats_decode(const void *data, size_t size, const struct report_limits *limits,
		      struct heartbeats *ret, char error[CODEC_ERROR_BYTES]);
int heartbeats_decode_fd(int fd, const struct report_limits *limits, struct heartbeats *ret,
			 char error[CODEC_ERROR_BYTES]);

/* Adds the rows of `from` behind those of `to`, and takes its facts where it has some. 0 or -ENOMEM,
 * after which `to` is only to be released. */
int heartbeats_append(struct heartbeats *to, const struct heartbeats *from);

/* One object and a newline. Errors are those of `out`. */
void heartbeats_json(const struct heartbeats *h, struct out *out);

/*
 * 16 bytes that are the same while the facts, as encoded, are the same; no secret. 0 or -ENOMEM.
 * All zeroes, which stands for absent, doesn't come out.
 */
int heartbeats_facts_hash(const struct heartbeats_facts *facts, uint8_t ret[REPORT_ID_BYTES]);

#endif
