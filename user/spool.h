/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports on disk until a receiver has them. A report appears whole or not at all. NAME.bdr.partial
 * is what led to a trigger whose report is still being recorded; when the daemon was killed in
 * between, it becomes a report at the next start, and says of itself that it is incomplete.
 */
#ifndef BD_SPOOL_H
#define BD_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "user/lib/report.h"

#define SPOOL_ERROR 512
#define SPOOL_NAME 160

struct spool {
	char *path;
	int fd;
};

struct spool_stats {
	uint64_t reports, bytes;
};

/* Makes the directory where it is missing (0700). 0, or -errno and one line in `error`. */
int spool_open(struct spool *ret, const char *path, char error[SPOOL_ERROR]);
void spool_close(struct spool *s);

/* Partial reports that nobody will complete become reports. How many, or -errno. */
int spool_recover(struct spool *s);

/* A name for a report, from its time, client and id, without suffix. */
void spool_name(const struct report *r, const char *client, char name[SPOOL_NAME]);

/* Writes NAME.bdr, or NAME.bdr.partial; the former takes the place of the latter. */
int spool_write(struct spool *s, const char *name, bool partial, const struct report *r,
		char error[SPOOL_ERROR]);

/* What waits in the directory, partial reports left out. */
void spool_stats(const struct spool *s, struct spool_stats *ret);

#endif
