/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BD_AUTOGROUP_H
#define BD_AUTOGROUP_H

/*
 * Where the kernel shares the CPUs among sessions first (autogroup, sched(7)), a nice value counts
 * only within one. Sets that of the session, if this process leads it: others are not ours to move.
 * Where it isn't allowed, or there are none, it stays.
 */
void autogroup_set_nice(int nice);

#endif
