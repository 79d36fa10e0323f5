/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions without unwind entries that do nothing but call what never returns: push %rax; call; ud2.
 * Rust's way from a panic to abort() goes through two of them, in programs of rustc before 1.65 or so.
 */
#ifndef BD_UNWIND_STUB_H
#define BD_UNWIND_STUB_H

#include <stdint.h>

#define UNWIND_STUB_IN 1 /* bytes until it has its frame: the caller's sp is sp + 8 before, sp + 16 then */

/* Its bytes, where `bytes` of code begin with such a function, or 0. x86-64 only. */
uint32_t unwind_stub_bytes(const uint8_t *code, uint64_t bytes);

#endif
