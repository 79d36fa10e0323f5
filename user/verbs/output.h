/* SPDX-License-Identifier: BSD-2-Clause */
/* What a verb writes to the file that the user named, or to standard output. */
#ifndef BD_OUTPUT_H
#define BD_OUTPUT_H

#include "user/lib/base/out.h"

/*
 * Calls `write` with an out to the file NAME (NULL and "-" are standard output), which appears
 * whole or not at all. Says what went wrong; returns the exit status: VERB_WRONG_USE where `write`
 * returned -EINVAL or -ENODATA.
 */
int output_write(const char *name, int (*write)(void *ctx, struct out *out), void *ctx);

#endif
