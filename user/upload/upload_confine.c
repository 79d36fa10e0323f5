// SPDX-License-Identifier: BSD-2-Clause
#include "user/upload/upload_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/common/autogroup.h"

#define FILE_BYTES_MAX (1u << 20) /* what it writes are sentences */
#define MEMORY_BYTES_MAX (1ull << 30)
#define NICE 10

/* Landlock of ABI 2 is the first where a file can be moved from one directory to another. Its rights
 * by number: headers of a distribution are older than its kernel may be. */
#define LANDLOCK_ABI_LEAST 2
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_ABI2 ((1ull << 14) - 1)
#define FS_TRUNCATE (1ull << 14) /* ABI 3 */
/* Write and read files, list, remove files, make directories and regular files, move: no device and
 * no link. */
#define FS_SPOOL                                                                                   \
	((1ull << 1) | FS_READ_FILE | FS_READ_DIR | (1ull << 5) | (1ull << 7) | (1ull << 8) |      \
	 (1ull << 13))

/* What the C library reads to find an address; libraries of name services are loaded meanwhile. */
static const char *const resolver[] = {
	"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
	"/etc/services",    "/etc/ld.so.cache", "/run/systemd/resolve",
	"/lib",		    "/lib64",	  "/usr/lib",	    "/usr/lib64",
};

/* Users of the system alone: name services would be loaded into a process that is still root. */
static bool find_user(const char *name, struct upload_user *ret)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *user = NULL;
	bool found = false;

	while (file && !found && (user = fgetpwent(file)))
		found = !strcmp(user->pw_name, name) && user->pw_uid;
	if (found)
		*ret = (struct upload_user){name, user->pw_uid, user->pw_gid};
	if (file)
		fclose(file);
	return found;
}

int upload_user_find(const char *wanted, struct upload_user *ret)
{
	if (wanted[0])
		return find_user(wanted, ret) ? 0 : -ENOENT;
	return find_user(UPLOAD_USER, ret) || find_user("nobody", ret) ? 0 : -ENOENT;
}

static int limit(int resource, uint64_t most)
{
	struct rlimit now;

	if (getrlimit(resource, &now))
		return -errno;
	if (now.rlim_max > most)
		now.rlim_max = most;
	now.rlim_cur = now.rlim_max;
	return setrlimit(resource, &now) ? -errno : 0;
}

static int become(const struct upload_user *user)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};

	for (int cap = 0; user && prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap);
	if (user && (setgroups(0, NULL) || setresgid(user->gid, user->gid, user->gid) ||
		     setresuid(user->uid, user->uid, user->uid)))
		return -errno;
	return syscall(SYS_capset, &header, none) ? -errno : 0;
}

static int allow(int ruleset, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0)
		       ? -errno
		       : 0;
}

static void allow_resolver(int ruleset)
{
	for (size_t i = 0; i < sizeof(resolver) / sizeof(resolver[0]); i++) {
		int fd = open(resolver[i], O_PATH | O_CLOEXEC);
		struct stat st;

		if (fd < 0)
			continue;
		/* What isn't there, or may not be, is not needed. */
		if (!fstat(fd, &st))
			allow(ruleset, fd,
			      FS_READ_FILE | (S_ISDIR(st.st_mode) ? FS_READ_DIR : 0));
		close(fd);
	}
}

/* 0 as well where the kernel has no Landlock, or one that is too old. */
static int restrict_files(int spool_fd)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);
	uint64_t truncate = abi >= 3 ? FS_TRUNCATE : 0;
	struct landlock_ruleset_attr all = {.handled_access_fs = FS_ABI2 | truncate};
	int ruleset, err;

	if (abi < LANDLOCK_ABI_LEAST)
		return 0;
	ruleset = syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (ruleset < 0)
		return -errno;
	err = allow(ruleset, spool_fd, FS_SPOOL | truncate);
	allow_resolver(ruleset);
	if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0))
		err = -errno;
	close(ruleset);
	return err;
}

/* It needs none of these; libraries that try get EPERM. */
static int refuse_syscalls(void)
{
	static const int refused[] = {
		SCMP_SYS(execve),	 SCMP_SYS(execveat),	      SCMP_SYS(ptrace),
		SCMP_SYS(bpf),		 SCMP_SYS(perf_event_open),   SCMP_SYS(process_vm_readv),
		SCMP_SYS(process_vm_writev), SCMP_SYS(mount),	      SCMP_SYS(umount2),
		SCMP_SYS(pivot_root),	 SCMP_SYS(chroot),	      SCMP_SYS(setns),
		SCMP_SYS(unshare),	 SCMP_SYS(init_module),	      SCMP_SYS(finit_module),
		SCMP_SYS(kexec_load),	 SCMP_SYS(keyctl),	      SCMP_SYS(add_key),
		SCMP_SYS(request_key),	 SCMP_SYS(userfaultfd),	      SCMP_SYS(io_uring_setup),
		SCMP_SYS(mknodat),	 SCMP_SYS(linkat),	      SCMP_SYS(symlinkat),
	};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int err = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < sizeof(refused) / sizeof(refused[0]); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	if (!err)
		err = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	return err;
}

int upload_confine(const struct upload_user *user, int spool_fd, pid_t parent)
{
	int err;

	setpriority(PRIO_PROCESS, 0, NICE);
	/* The daemon's child takes no part in its session's share of the CPUs. */
	if (parent && setsid() > 0)
		autogroup_set_nice(NICE);
	err = limit(RLIMIT_CORE, 0);
	if (!err)
		err = limit(RLIMIT_FSIZE, FILE_BYTES_MAX);
	if (!err)
		err = limit(RLIMIT_DATA, MEMORY_BYTES_MAX);
	if (!err)
		err = become(geteuid() ? NULL : user);
	if (err)
		return err;
	/* After the change of user, which clears it. */
	if (prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    (parent && prctl(PR_SET_PDEATHSIG, SIGKILL)))
		return -errno;
	if (parent && getppid() != parent)
		return -ESRCH;
	err = restrict_files(spool_fd);
	return err ? err : refuse_syscalls();
}
