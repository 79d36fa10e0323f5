/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the daemon keeps over restarts, in state_dir: the lock that one daemon holds, and what is
 * normal for each client: a file of its CPU, and one of its other metrics.
 */
#ifndef BD_STATE_DIR_H
#define BD_STATE_DIR_H

#include "user/lib/detect/band.h"
#include "user/lib/detect/baseline.h"

#define STATE_ERROR 512

struct state_dir {
	char *path;
	int fd, lock;
};

/*
 * Makes the directory where it is missing, and takes the lock. 0; -EBUSY if another daemon has it;
 * -errno; with one line in `error`. The lock goes with the process.
 */
int state_dir_open(struct state_dir *ret, const char *path, char error[STATE_ERROR]);
void state_dir_close(struct state_dir *s);

/*
 * The baseline of that client as it was saved. 0; -ENOENT: there is none; -EBADMSG: it was damaged,
 * or another version wrote it, it is set aside and `error` says so; -errno.
 */
int state_dir_load(struct state_dir *s, const char *client, const struct baseline_options *options,
		   struct baseline **ret, char error[STATE_ERROR]);
/* The same of its other metrics, into what bands_init() made. */
int state_dir_load_bands(struct state_dir *s, const char *client, struct bands *bands,
			 char error[STATE_ERROR]);
/* Both. 0, or -errno and one line in `error`. */
int state_dir_save(struct state_dir *s, const char *client, const struct baseline *baseline,
		   const struct bands *bands, char error[STATE_ERROR]);

#endif
