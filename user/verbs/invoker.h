/* SPDX-License-Identifier: BSD-2-Clause */
/* The user who asked for root, by sudo or doas. */
#ifndef BD_INVOKER_H
#define BD_INVOKER_H

#include <stdbool.h>
#include <sys/types.h>

/* False where this process is not root, or nobody is behind it. */
bool invoker_find(uid_t *ret_uid, gid_t *ret_gid);

#endif
