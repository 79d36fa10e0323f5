/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last lines of a client's logs in a report. The files are read in a reader child that has the
 * client's own rights and no others (reader_log.c); it is started when it is needed, and ended then.
 */
#ifndef BD_LOGS_H
#define BD_LOGS_H

#include "user/lib/config/config.h"
#include "user/lib/profile/report.h"
#include "user/reader/reader_rights.h"

#define LOGS_POSITIONS_MAX 64
#define LOGS_UNIT_BYTES 256

/* Where a file was when it was last looked at. */
struct logs_position {
	uint64_t path_hash, dev, inode, size;
	uint32_t pattern;
};

/* Of one client: who it is, and where its logs were. Kept while it lives, used when it is gone. */
struct logs_client {
	bool known; /* `rights` and `unit` are */
	struct reader_rights rights;
	char unit[LOGS_UNIT_BYTES]; /* of systemd, or "" */
	struct logs_position positions[LOGS_POSITIONS_MAX];
	size_t n_positions;
	uint64_t look_s; /* when they were looked at, by the caller's clock */
};

/* Looks at a living process of the client. False: that can't be done; what is known stays. */
bool logs_client_look(struct logs_client *c, uint32_t pid, const char *unit);

struct logs_request {
	const struct config_client *config; /* log, log_seconds, log_lines, log_as_root */
	struct logs_client *client;
	bool gone;	  /* it has no process now */
	bool partial;	  /* a whole report follows, which is to tell what has happened since before */
	int64_t since_ns; /* lines from here on, since the epoch */
	int64_t trigger_ns;
	int64_t now_ns;
	int64_t patience_ns; /* for all of it */
};

/* Fills `logs` and `log_sources`. 0 or -ENOMEM: whatever else goes wrong is in log_sources. */
int logs_read(const struct logs_request *request, struct report *r);
/* Only where the files are now; nothing of them is read. 0, or -errno where that took too long. */
int logs_look(const struct logs_request *request);

#endif
