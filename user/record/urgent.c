// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/urgent.h"

#include <unistd.h>

void urgent_begin(struct urgent *ret)
{
	struct sched_param least = { .sched_priority = sched_get_priority_min(SCHED_FIFO) };

	*ret = (struct urgent){ .policy = sched_getscheduler(0) };
	ret->on = ret->policy >= 0 && !sched_getparam(0, &ret->param) &&
		  !sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &least);
}

void urgent_end(const struct urgent *u)
{
	if (u->on)
		sched_setscheduler(0, u->policy, &u->param);
}

void urgent_visit_cpus(void)
{
	int ncpus = (int)sysconf(_SC_NPROCESSORS_CONF);
	size_t size = CPU_ALLOC_SIZE(ncpus);
	cpu_set_t *mine = CPU_ALLOC(ncpus), *one = CPU_ALLOC(ncpus);

	if (mine && one && !sched_getaffinity(0, size, mine)) {
		for (int cpu = 0; cpu < ncpus; cpu++) {
			if (!CPU_ISSET_S(cpu, size, mine))
				continue;
			CPU_ZERO_S(size, one);
			CPU_SET_S(cpu, size, one);
			sched_setaffinity(0, size, one);
		}
		sched_setaffinity(0, size, mine);
	}
	CPU_FREE(mine);
	CPU_FREE(one);
}
