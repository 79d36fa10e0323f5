/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rights of a reader child that reads a client's logs: those of the client, so that a report
 * holds nothing that the client could not read itself. They go to the child as one argument.
 */
#ifndef BD_READER_RIGHTS_H
#define BD_READER_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READER_GROUPS_MAX 64 /* more are left out, and so is what only they may read */
#define READER_RIGHTS_BYTES (64 + 11 * READER_GROUPS_MAX)

struct reader_rights {
	int pid;       /* whose root is the root of paths; 0: none is left */
	bool own_root; /* it is this tool's, so that it can be had without the process */
	bool read_all; /* root that may read any file, as root may unless somebody took that away */
	bool as_root;  /* nobody, with the right to read any file (log_as_root) */
	bool journal;  /* reads systemd's journal, and no files by name */
	uint32_t uid, gid;
	size_t n_groups;
	uint32_t groups[READER_GROUPS_MAX];
};

void reader_rights_print(const struct reader_rights *rights, char ret[READER_RIGHTS_BYTES]);
/* 0 or -EINVAL. */
int reader_rights_parse(const char *text, struct reader_rights *ret);

#endif
