// SPDX-License-Identifier: BSD-2-Clause
#include "user/reader/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

/* AddressSanitizer reserves terabytes of addresses, and its own system calls. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Ctrl-C and a stop of the service reach the whole group; the child ends when its socket does. */
static void ignore_signals(void)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
}

static int limit(int resource, uint64_t most)
{
	struct rlimit now, set = {most, most};

	if (getrlimit(resource, &now) < 0)
		return -errno;
	if (now.rlim_max < most)
		set = (struct rlimit){now.rlim_max, now.rlim_max};
	return setrlimit(resource, &set) < 0 ? -errno : 0;
}

static int set_limits(const struct sandbox *s)
{
	const struct {
		int resource;
		uint64_t most;
	} limits[] = {
		{RLIMIT_CORE, 0},
		{RLIMIT_NPROC, 0},
		{RLIMIT_FSIZE, s->file_bytes},
		{RLIMIT_NOFILE, s->files},
		{RLIMIT_DATA, s->data_bytes},
		{RLIMIT_AS, s->address_bytes},
	};
	size_t n = sizeof(limits) / sizeof(limits[0]) - (SANITIZED ? 2 : 0);
	int err = 0;

	for (size_t i = 0; i < n && err == 0; i++)
		err = limit(limits[i].resource, limits[i].most);
	return err;
}

static int set_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(keep >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/*
 * Root without capabilities still owns root's files. Where there is no such user (a user name
 * space) or no right to change to it, it stays what it is.
 */
static int drop_to_nobody(void)
{
	if (geteuid() == 0 && setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
	    setresuid(NOBODY, NOBODY, NOBODY) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}

/* All of it, or it must not go on. */
static int drop_to(const struct sandbox_user *user)
{
	if (setgroups(user->n_groups, user->groups) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	return 0;
}

static int drop_privileges(const struct sandbox *s)
{
	int err;

	if (prctl(PR_SET_KEEPCAPS, 1) < 0)
		return -errno;
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap);
	err = s->user ? drop_to(s->user) : drop_to_nobody();
	return err < 0 ? err : set_capabilities(s->capabilities);
}

/* What a library needs that looks for files itself; for reading only, and none that makes one. */
static int allow_opening(scmp_filter_ctx ctx)
{
	static const int calls[] = {SCMP_SYS(readlink),	  SCMP_SYS(readlinkat), SCMP_SYS(access),
				    SCMP_SYS(faccessat),  SCMP_SYS(faccessat2), SCMP_SYS(stat),
				    SCMP_SYS(lstat),	  SCMP_SYS(getdents64), SCMP_SYS(getpid),
				    SCMP_SYS(gettid),	  SCMP_SYS(getuid),	SCMP_SYS(geteuid),
				    SCMP_SYS(getgid),	  SCMP_SYS(getegid),	SCMP_SYS(uname),
				    -1};
	int err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				   SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY));

	for (size_t i = 0; err == 0 && calls[i] != -1; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return err;
}

/*
 * Libraries open what a file names as its other parts, devices included; whoever may open does it
 * by openat2. They are told no, as they would be by permissions.
 */
static int refuse_opening(scmp_filter_ctx ctx)
{
	static const int refused[] = {
		SCMP_SYS(open),	  SCMP_SYS(openat), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
		SCMP_SYS(access), SCMP_SYS(stat),   SCMP_SYS(lstat),	-1};
	int err = 0;

	for (size_t i = 0; err == 0 && refused[i] != -1; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
	return err;
}

static int add_other_rules(scmp_filter_ctx ctx, bool may_open)
{
	int err = may_open ? allow_opening(ctx) : refuse_opening(ctx);

	if (err == 0)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (err == 0)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* Its own limits only. */
	if (err == 0)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
				       SCMP_A0(SCMP_CMP_EQ, 0));
	return err;
}

static int filter_syscalls(const int *syscalls, bool may_open)
{
	static const int sanitizer[] = {SCMP_SYS(sigaltstack),
					SCMP_SYS(rt_sigaction),
					SCMP_SYS(getpid),
					SCMP_SYS(gettid),
					SCMP_SYS(ioctl),
					SCMP_SYS(write),
					-1};
	/* A library of the host's may be a newer one, which asks for more and can do without. */
	scmp_filter_ctx ctx =
		seccomp_init(may_open ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_KILL_PROCESS);
	int err = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; err == 0 && syscalls[i] != -1; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, syscalls[i], 0);
	for (size_t i = 0; SANITIZED && err == 0 && sanitizer[i] != -1; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, sanitizer[i], 0);
	if (err == 0)
		err = add_other_rules(ctx, may_open);
	if (err == 0)
		err = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	return err;
}

static int close_others(int keep_fd, unsigned more)
{
	if (syscall(SYS_close_range, 3u, (unsigned)keep_fd - 1, 0u) < 0 && keep_fd > 3)
		return -errno;
	return syscall(SYS_close_range, (unsigned)keep_fd + 1 + more, ~0u, 0u) < 0 ? -errno : 0;
}

int sandbox_enter(const struct sandbox *s, int keep_fd)
{
	int err;

	ignore_signals();
	if (setpriority(PRIO_PROCESS, 0, s->nice) < 0)
		return -errno;
	err = close_others(keep_fd, s->more_fds);
	if (err == 0)
		err = set_limits(s);
	if (err == 0)
		err = drop_privileges(s);
	if (err < 0)
		return err;
	/* After the change of user, which clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (getppid() != s->parent)
		return -ESRCH;
	return filter_syscalls(s->syscalls, s->may_open);
}
