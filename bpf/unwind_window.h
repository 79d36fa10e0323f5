/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads of a walk by the piece. bpf_probe_read_user() costs about 70 ns whatever it copies, half of
 * what a frame costs, and frames lie one above the other: what is read is a window of the stack,
 * and the next frames find theirs in it. The stack stands still while a walk goes on.
 *
 * A window begins where somebody wanted to read and never crosses a page, so it is there if the
 * first byte is. It lies in a map's value; set `bytes` to 0 before each walk. Use it as
 *
 *	#define UNWIND_READ(ctx, dst, n, address) unwind_window_read(ctx, dst, n, address)
 *
 * with the window as the `ctx` that unwind_step() hands through.
 */
#ifndef BD_UNWIND_WINDOW_H
#define BD_UNWIND_WINDOW_H

#include "bpf/unwind_abi.h"

#define UNWIND_WINDOW_WORDS 64

struct unwind_window {
	__u64 base;
	__u64 bytes; /* that are valid from base on */
	__u64 word[UNWIND_WINDOW_WORDS];
};

#ifdef __bpf__
/* `bytes` is 8 or 16, a constant. 0, or negative: not resident, or no memory of the process. */
static inline __attribute__((always_inline)) int
unwind_window_read(struct unwind_window *w, __u64 *dst, __u32 bytes, __u64 address)
{
	__u64 off = address - w->base, size;

	if ((off & 7) || off >= w->bytes || bytes > w->bytes - off) {
		size = 4096 - (address & 4095);
		if ((address & 7) || size < bytes)
			return bpf_probe_read_user(dst, bytes, (const void *)address);
		if (size > sizeof(w->word))
			size = sizeof(w->word);
		w->bytes = 0;
		if (bpf_probe_read_user(w->word, size, (const void *)address))
			return -1;
		w->base = address;
		w->bytes = size;
		off = 0;
	}
	off /= 8;
	dst[0] = w->word[off & (UNWIND_WINDOW_WORDS - 1)];
	if (bytes > 8)
		dst[1] = w->word[(off + 1) & (UNWIND_WINDOW_WORDS - 1)];
	return 0;
}
#endif

#endif
