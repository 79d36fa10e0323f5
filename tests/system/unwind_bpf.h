/* SPDX-License-Identifier: BSD-2-Clause */
/* What unwind_bpf.bpf.c and unwind_driver.c share. */
#ifndef BD_UNWIND_BPF_H
#define BD_UNWIND_BPF_H

#include "bpf/unwind_abi.h"
#include "bpf/unwind_window.h"

#define PROBE_MAPPINGS 64
#define PROBE_FRAMES 512 /* of one run */
#define PROBE_PCS 1024

struct probe_mapping {
	__u64 start, end, bias;
	__u32 table;
	__u32 unused;
	struct unwind_head head; /* a copy of the table's */
};

struct probe {
	struct unwind_cursor at;
	__u64 starts[PROBE_MAPPINGS]; /* ~0 >> 1 behind the last */
	struct probe_mapping mappings[PROBE_MAPPINGS];
	__u64 pcs[PROBE_PCS];
	__u32 count;
	__u32 reason;
	__u32 last; /* mapping of the frame before */
	__u32 unused;
	struct unwind_window window;
};

#endif
