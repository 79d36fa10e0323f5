/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What may be in the spool, and who goes first where there is no room: names, kinds and sizes in,
 * an order out. No file is touched here.
 *
 * A report's file is STAMP-KIND-CLIENT-ID.bdr: 20261125T172924Z, the trigger's kind, the client with
 * other characters than letters, digits, '_' and '-' as '_', and the id in 32 hex digits. The order
 * of names is the order of time as the clock was; a clock that jumped changes who goes first, and
 * nothing else. Reports of versions before have no kind, and 8 digits of the id.
 */
#ifndef BD_SPOOL_POLICY_H
#define BD_SPOOL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/profile/report.h"

#define SPOOL_NAME 160
#define SPOOL_CLIENT_BYTES 64

struct spool_limits {
	uint64_t bytes;		     /* the most that reports take together */
	unsigned share_permille;     /* of the file system's size, where that is less */
	unsigned free_permille;	     /* of it, which stays free */
	uint64_t heartbeats_bytes;   /* of heartbeats that wait */
	uint32_t heartbeats_age_s;   /* and for how long */
	uint32_t rejected, damaged;  /* files in these directories */
};
extern const struct spool_limits spool_limits_default;

/* A file system: all in bytes; `free` as for those who aren't root. */
struct spool_disk {
	uint64_t size, free;
};

/* The name for a report of `client`, from its trigger, without suffix. */
void spool_name(const struct report *r, const char *client, char ret[SPOOL_NAME]);

/* The rank of the kind in a file's name: who has the lowest is dropped first. */
int spool_rank(const char *name);
const char *spool_rank_name(int rank);
/* The client in a file's name; "" where there is none. */
void spool_client(const char *name, char ret[SPOOL_CLIENT_BYTES]);

/* For sorting: negative where `a` is dropped before `b`: by rank, then by name, which is by time. */
int spool_drop_order(const char *a, const char *b);

/* How much reports may take on that disk in all. */
uint64_t spool_limit_bytes(const struct spool_limits *limits, const struct spool_disk *disk);
/* How many bytes of `used` must go so that `more` can come; 0 where there is room. */
uint64_t spool_excess_bytes(const struct spool_limits *limits, const struct spool_disk *disk,
			    uint64_t used, uint64_t more);

#endif
