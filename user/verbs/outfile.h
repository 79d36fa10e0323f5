/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file that appears whole or not at all: written under another name in the same directory
 * (O_EXCL, mode 0600), synced, then renamed. It belongs to the user behind sudo or doas. A symbolic
 * link in its place is refused. "-" and /dev/stdout are standard output, and a character device
 * such as /dev/null is written to as it is.
 */
#ifndef BD_OUTFILE_H
#define BD_OUTFILE_H

#include <stdbool.h>

#define OUTFILE_ERROR_BYTES 512

struct outfile {
	int fd; /* to write to; belongs to the outfile */
	int directory;
	char *path, *temporary;
	bool direct;
};

/* 0 and a file that outfile_commit() or outfile_abort() ends; or -errno and one line in `error`. */
int outfile_open(struct outfile *ret, const char *path, char error[OUTFILE_ERROR_BYTES]);
/* Syncs and renames. 0, or -errno and a line; then nothing is left behind. */
int outfile_commit(struct outfile *f, char error[OUTFILE_ERROR_BYTES]);
/* Removes what was written. A zeroed outfile is none. */
void outfile_abort(struct outfile *f);

#endif
