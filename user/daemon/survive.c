// SPDX-License-Identifier: BSD-2-Clause
#include "user/daemon/survive.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/common/autogroup.h"
#include "user/common/capability.h"
#include "user/record/perf_event.h"

#define OOM_SCORE "-900"
#define AUTOGROUP_NICE (-10)
#define MMAP_FROM_BYTES (128 << 10)
#define WATCHDOG_SAFETY 4 /* times within what the manager waits */

static int oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int err = write(fd, OOM_SCORE, strlen(OOM_SCORE)) < 0 ? -errno : 0;

	close(fd);
	return err;
}

/*
 * Of memory that is locked malloc can give back only what is at the end of the heap, or mapped for
 * itself: what is large is, however often such a size comes. And one heap for both threads.
 */
static void malloc_bound(void)
{
	mallopt(M_MMAP_THRESHOLD, MMAP_FROM_BYTES);
	mallopt(M_TRIM_THRESHOLD, MMAP_FROM_BYTES);
	mallopt(M_ARENA_MAX, 1);
}

const char *survive_begin(void)
{
	malloc_bound();
	autogroup_set_nice(AUTOGROUP_NICE);
	/* With MCL_CURRENT alone each mapped library would be resident as a whole. */
	int locked = mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	int scored = oom_score();

	if (locked && scored)
		return "memory can't be locked (CAP_IPC_LOCK), nor the OOM score lowered (CAP_SYS_RESOURCE)";
	if (locked)
		return "memory can't be locked: it needs CAP_IPC_LOCK";
	return scored ? "the OOM score can't be lowered: it needs CAP_SYS_RESOURCE" : NULL;
}

/* Programs, events and maps; other processes' files, through the reader too; names; memory. */
static const unsigned kept[] = {
	CAP_BPF,      CAP_PERFMON,	      CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_SYSLOG,
	CAP_IPC_LOCK, CAP_CHECKPOINT_RESTORE, CAP_SYS_NICE,   CAP_SETUID,	   CAP_SETGID,
	CAP_CHOWN,    CAP_SETPCAP,	      CAP_KILL,
};

#define VERSION _LINUX_CAPABILITY_VERSION_3

static int take_effect(const struct __user_cap_data_struct all[2], uint64_t keep)
{
	struct __user_cap_header_struct header = { .version = VERSION };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		data[i] = all[i];
		data[i].effective = data[i].permitted & (uint32_t)(keep >> 32 * i);
	}
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/*
 * At a level of kernel.perf_event_paranoid that distributions have added, their kernels open events
 * for CAP_SYS_ADMIN alone (Debian's before CAP_PERFMON was let through, Ubuntu's): tried, as no
 * number says it.
 */
static bool events_need_admin(const struct __user_cap_data_struct all[2], uint64_t keep)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
	};

	if (!(all[0].permitted >> CAP_SYS_ADMIN & 1) || take_effect(all, keep))
		return false;
	int fd = perf_event_open(&attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	bool refused = fd < 0 && (errno == EACCES || errno == EPERM);

	if (fd >= 0)
		close(fd);
	return refused;
}

int survive_drop_capabilities(bool *ret_admin)
{
	struct __user_cap_header_struct header = { .version = VERSION };
	struct __user_cap_data_struct data[2];
	uint64_t keep = 0;

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		keep |= 1ULL << kept[i];
	/* Where the others aren't to be had, this one stands for them. */
	if (!capability_has(CAP_BPF) || !capability_has(CAP_PERFMON))
		keep |= 1ULL << CAP_SYS_ADMIN;
	if (syscall(SYS_capget, &header, data))
		return -errno;
	*ret_admin = !(keep >> CAP_SYS_ADMIN & 1) && events_need_admin(data, keep);
	if (*ret_admin)
		keep |= 1ULL << CAP_SYS_ADMIN;
	/* What execve() could give back: the bounding set goes first, while we may. */
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!(keep >> cap & 1))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(keep >> 32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable &= data[i].permitted;
	}
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

unsigned survive_watchdog_s(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long wanted_us = usec ? strtoull(usec, NULL, 10) : 0;
	unsigned long long s = wanted_us / WATCHDOG_SAFETY / 1000000;

	if (!wanted_us || (pid && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	return s < 1 ? 1 : s > 60 ? 60 : s;
}

void survive_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;

	if (!n || n >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, n);
	if (path[0] == '@') /* the abstract namespace */
		address.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	/* Nobody waits for an answer: a manager that isn't there any more will not restart us either. */
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
		      offsetof(struct sockaddr_un, sun_path) + n);
	close(fd);
}
