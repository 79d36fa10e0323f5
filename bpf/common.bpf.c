// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* State that the BPF objects share, and the upkeep of the set of targets. */
#include "bpf/common.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct bd_config config = {};
__u32 own_level = 0;

struct cpu_map cpus SEC(".maps");
struct rings_map rings SEC(".maps");
struct targets_map targets SEC(".maps");

/* Children belong to the target that their parent is. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(bd_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 one = 1, tgid = child->tgid;

	if (child->pid != child->tgid || !pid_is_target(parent->tgid))
		return 0;
	if (bpf_map_update_elem(&targets, &tgid, &one, BPF_ANY))
		count_loss(this_cpu(), BD_LOSS_TARGETS_FULL);
	return 0;
}
