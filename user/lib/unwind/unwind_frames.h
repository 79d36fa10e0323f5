/* SPDX-License-Identifier: BSD-2-Clause */
/* Files whose code has frame pointers in the place of unwind entries. A part of unwind_table.c. */
#ifndef BD_UNWIND_FRAMES_H
#define BD_UNWIND_FRAMES_H

#include <stdbool.h>

#include "user/lib/unwind/unwind_fdes.h"

/*
 * Chromium and what is built on it, and Go with cgo: a few per cent of the code have entries, and the
 * rest begins its functions by setting up a frame. Code that is merely without entries, as musl is,
 * doesn't, and there the frame pointer is any number. x86-64 only.
 */
bool unwind_frames_find(const struct unwind_fdes *fdes);

#endif
