/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads of a dying process that never came by, where the kernel can't go through them itself
 * (before 6.7): who sleeps uninterruptibly is still in /proc when the others are gone, and who was
 * on its way out has said so.
 */
#ifndef BD_CRASH_MISSING_H
#define BD_CRASH_MISSING_H

#include "user/record/crash.h"
#include "user/record/thread_table.h"

/* Adds them to a crash that is about to be closed. 0 or -ENOMEM. */
int crash_missing_name(struct crash *c, const struct thread_table *threads);

#endif
