/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-empty: attach a BPF program that does nothing to every context switch, until standard input
 * is closed. What the kernel counts for it is what the counting itself costs: the zero line of
 * tools/bench. Prints the program's id when it is attached.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int load(void)
{
	/* r0 = 0; exit */
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	int btf_id = libbpf_find_vmlinux_btf_id("sched_switch", BPF_TRACE_RAW_TP);

	if (btf_id < 0)
		return btf_id;
	opts.attach_btf_id = (__u32)btf_id;
	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "bench_empty", "GPL", insns, 2, &opts);
}

int main(void)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int prog = load(), link = prog < 0 ? prog : bpf_raw_tracepoint_open(NULL, prog);
	char byte;

	if (link < 0 || bpf_obj_get_info_by_fd(prog, &info, &size)) {
		fprintf(stderr, "bench-empty: attaching to sched_switch: %s\n", strerror(errno));
		return 1;
	}
	printf("%u\n", info.id);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
