/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command that is run to be profiled: it stands still before its exec until all is ready, and
 * runs as the user behind sudo or doas.
 */
#ifndef BD_COMMAND_H
#define BD_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct command {
	pid_t pid;
	int go, failed;	  /* pipes: to let it go; the errno of its exec */
	const char *name; /* of argv, without directories */
	bool ended;
	int status; /* as waitpid(2) says it, once ended */
	uint64_t start_ns, end_ns;
};

/*
 * Forks; `argv` ends in NULL and outlives the command, which runs with this priority, since ours is
 * not its. 0 or -errno.
 */
int command_start(struct command *c, char **argv, int nice);
/* Lets it exec. 0, or -errno of the exec: then it is gone. */
int command_release(struct command *c);
/* Has it ended? Never blocks. */
bool command_poll(struct command *c);
/* Exit status as a shell says it: 128 + signal where one ended it; -1 where it still runs. */
int command_exit_status(const struct command *c);
/* Before its release: ends it. After: leaves it alone. */
void command_abandon(struct command *c);

#endif
