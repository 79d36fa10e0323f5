// SPDX-License-Identifier: BSD-2-Clause
#include "user/common/capability.h"

#include <linux/capability.h>
#include <stdio.h>
#include <unistd.h>

#include "user/common/verb.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF 39
#endif

bool capability_has(unsigned number)
{
	unsigned long long effective = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &effective) == 1)
			break;
	if (f)
		fclose(f);
	return effective >> number & 1;
}

int capability_require(const char *verb)
{
	if (capability_has(CAP_SYS_ADMIN) || (capability_has(CAP_BPF) && capability_has(CAP_PERFMON)))
		return VERB_DONE;
	if (geteuid())
		verb_error("%s: needs root: run it with sudo or doas", verb);
	else
		verb_error("%s: needs CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN); this root lacks them, "
			   "as in an unprivileged container",
			   verb);
	return VERB_FAILED;
}
