/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the uploader gives up before it talks to anybody: it is left with the spool and the network,
 * and what looking up a name reads.
 */
#ifndef BD_UPLOAD_CONFINE_H
#define BD_UPLOAD_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

#define UPLOAD_USER "backdraft"

struct upload_user {
	const char *name;
	uid_t uid;
	gid_t gid;
};

/* The user to become: `wanted`, or where that is "", `backdraft` if there is one, else `nobody`.
 * 0, or -ENOENT: there is no such user. */
int upload_user_find(const char *wanted, struct upload_user *ret);

/*
 * Becomes the user where we are root (NULL: stays who we are), without a capability or a way to new
 * ones; opens nothing but beneath the spool and the resolver's files where the kernel has Landlock
 * (5.19); and makes no program, trace or module run. With `parent` it dies when that process does. 0
 * or -errno, after which the process is to end.
 */
int upload_confine(const struct upload_user *user, int spool_fd, pid_t parent);

#endif
