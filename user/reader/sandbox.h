/* SPDX-License-Identifier: BSD-2-Clause */
/* What a child gives up before it touches files that users can write. */
#ifndef BD_SANDBOX_H
#define BD_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sandbox_user {
	uid_t uid;
	gid_t gid;
	size_t n_groups;
	const gid_t *groups;
};

struct sandbox {
	const struct sandbox_user *user;    /* NULL: nobody */
	pid_t parent;			    /* dies with it */
	uint64_t capabilities;		    /* bits that it keeps, of those that it has */
	uint64_t data_bytes, address_bytes; /* memory of its own; mapped files included */
	uint64_t file_bytes;		    /* largest file that it may write (a memfd) */
	unsigned files;			    /* descriptors */
	unsigned more_fds;		    /* that stay open after keep_fd */
	int nice;
	bool may_open;	     /* files by any call, for reading */
	const int *syscalls; /* numbers, ended by -1; a few more are allowed with fixed arguments,
				and else opening fails with EACCES */
};

/*
 * In this order: signals of the terminal ignored, limits, niceness, user, capabilities, no
 * new privileges, death with the parent, system calls. Nothing is left open but 0, 1, 2 and
 * `keep_fd`, and `more_fds` after it. 0 or -errno; after an error the process is to end.
 */
int sandbox_enter(const struct sandbox *s, int keep_fd);

#endif
