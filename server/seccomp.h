/* SPDX-License-Identifier: BSD-2-Clause */
/* Only the system calls that a running receiver makes. */
#ifndef BD_SERVER_SECCOMP_H
#define BD_SERVER_SECCOMP_H

/*
 * For this process and all of its threads, for good: to be called before the first of them. What is
 * not in the list fails with EPERM; what only somebody who has taken over would call ends the
 * process. 0 or -errno.
 */
int seccomp_enter(void);

#endif
