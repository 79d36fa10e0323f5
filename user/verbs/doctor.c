// SPDX-License-Identifier: BSD-2-Clause
/* backdraft doctor: what this kernel and this configuration can do, and how to mend the rest. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "user/common/capability.h"
#include "user/record/collector.h"
#include "user/common/config_file.h"
#include "user/common/cpu_list.h"
#include "user/record/dump_look.h"
#include "user/common/host.h"
#include "user/reader/journal.h"
#include "user/lib/symbols/kallsyms.h"
#include "user/record/perf_event.h"
#include "user/reader/reader.h"
#include "user/upload/upload_confine.h"
#include "user/common/verb.h"

const struct verb_option verb_doctor_options[] = { { 0 } };

enum grade { GOOD, WARNING, BAD };

struct finding {
	enum grade grade;
	char text[300];
	char remedy[300];
};

static __attribute__((format(printf, 3, 4))) void found(struct finding *f, enum grade grade,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	f->grade = grade;
	vsnprintf(f->text, sizeof(f->text), format, args);
	va_end(args);
}

static __attribute__((format(printf, 2, 3))) void mend(struct finding *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->remedy, sizeof(f->remedy), format, args);
	va_end(args);
}

static long sysctl_number(const char *path)
{
	long value = -1;
	FILE *f = fopen(path, "re");

	if (f && fscanf(f, "%ld", &value) != 1)
		value = -1;
	if (f)
		fclose(f);
	return value;
}

static void check_kernel(struct finding *f)
{
	struct utsname name;
	unsigned major = 0, minor = 0;

	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	if (major > 5 || (major == 5 && minor >= 10)) {
		found(f, GOOD, "%s on %s", name.release, name.machine);
		return;
	}
	found(f, BAD, "%s is too old", name.release);
	mend(f, "Linux 5.10 or later is needed");
}

static void check_rights(struct finding *f)
{
	if (capability_has(CAP_SYS_ADMIN) || (capability_has(CAP_BPF) && capability_has(CAP_PERFMON))) {
		found(f, GOOD, "may load BPF programs and profile the machine");
		return;
	}
	found(f, BAD, "may not load BPF programs");
	mend(f, "run as root; in a container, with CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH");
}

static void check_btf(struct finding *f)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (libbpf_get_error(btf)) {
		found(f, BAD, "the kernel describes no types of its own (/sys/kernel/btf/vmlinux)");
		mend(f, "a kernel with CONFIG_DEBUG_INFO_BTF=y, as distributions have since 5.10");
		return;
	}
	found(f, GOOD, "the kernel describes %u of its types", btf__type_cnt(btf));
	btf__free(btf);
}

static void no_record(void *arg, const struct bd_head *record, size_t bytes)
{
}

static void no_task(void *arg, const struct bd_task *task, const struct bd_waits *waits,
		    const struct bd_chunk *chunk, enum collector_edge edge)
{
	++*(unsigned *)arg;
}

static void no_blocker(void *arg, const struct bd_blocker_key *key, const struct bd_blocker *value)
{
}

/* The real programs, loaded, attached and run for a moment. */
static void check_programs(struct finding *f)
{
	struct collector_options options = { .rate_hz = 99, .cgroup_ssid = -1 };
	unsigned tasks = 0;
	struct collector_sink sink = { &tasks, no_record, no_task, no_blocker };
	struct collector *c = NULL;
	char error[COLLECTOR_ERROR] = "";
	int err = collector_new(&c, &options, &sink, error);

	if (!err)
		err = collector_attach(c, error);
	if (!err)
		err = collector_begin(c, error);
	if (!err)
		err = collector_end(c, error);
	if (err) {
		found(f, BAD, "%.280s", error);
		mend(f, "see the lines above; the kernel's own words come with BACKDRAFT_LIBBPF=1");
	} else {
		found(f, GOOD, "loaded, attached and run; %u threads read", tasks);
	}
	collector_free(c);
}

static void check_dump(struct finding *f)
{
	if (dump_look_is_possible()) {
		found(f, GOOD, "`backdraft dump` can read the stacks of a living process");
		return;
	}
	found(f, WARNING, "no `backdraft dump`: BPF can't read another process's stack here");
	mend(f, "Linux 5.18 or later; `gdb -p PID` has the stacks, but stops the process");
}

static void check_events(struct finding *f)
{
	struct sampler *s = NULL;
	const char *event;
	int err = sampler_new(&s, 99, &event);

	if (err) {
		found(f, BAD, "no sampling event: %s", strerror(-err));
		mend(f, "kernel.perf_event_paranoid is %ld; as root it doesn't matter, in a container the "
			"seccomp profile may forbid perf_event_open",
		     sysctl_number("/proc/sys/kernel/perf_event_paranoid"));
		return;
	}
	if (!strcmp(event, "cycles"))
		found(f, GOOD, "samples by the cycle counter on %u CPUs", sampler_cpus(s));
	else
		found(f, GOOD, "no cycle counter, as in most virtual machines: samples by the CPU "
			       "clock, on %u CPUs",
		      sampler_cpus(s));
	sampler_free(s);
}

static void check_kallsyms(struct finding *f)
{
	struct kallsyms *symbols = NULL;
	int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : kallsyms_read(fd, &symbols);

	if (fd >= 0)
		close(fd);
	if (err) {
		found(f, WARNING, "kernel functions have no names: %s",
		      err == -EPERM ? "addresses are hidden" : strerror(-err));
		mend(f, "sysctl kernel.kptr_restrict=1, and run as root with CAP_SYSLOG");
		return;
	}
	found(f, GOOD, "%zu kernel functions", kallsyms_count(symbols));
	kallsyms_free(symbols);
}

/* Is /proc that of our own PID namespace, and does the namespace show the whole machine? */
static void check_pids(struct finding *f)
{
	char self[32] = "";
	struct stat st;

	if (readlink("/proc/self", self, sizeof(self) - 1) < 0 || atoi(self) != getpid()) {
		found(f, BAD, "/proc belongs to another PID namespace");
		mend(f, "mount -t proc proc /proc, or enter the namespace that /proc is of");
		return;
	}
	/* PROC_PID_INIT_INO of linux/proc_ns.h. */
	if (!stat("/proc/self/ns/pid", &st) && st.st_ino == 0xEFFFFFFC) {
		found(f, GOOD, "all processes of the machine are visible");
		return;
	}
	found(f, WARNING, "in a PID namespace: threads outside of it can't be named, and are counted as "
			  "\"invisible in this PID namespace\"");
	mend(f, "run in the host's PID namespace (docker run --pid=host, hostPID: true)");
}

static void check_reader(struct finding *f)
{
	struct reader *reader = NULL;
	struct reader_file file;
	int err = reader_new(&reader);

	if (!err) {
		struct reader_open request = { .pid = getpid(), .path = "/proc/self/exe" };
		char exe[4096] = "";

		if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0)
			request.path = exe;
		err = reader_open(reader, &request, &file);
	}
	if (err) {
		found(f, WARNING, "programs' functions have no names: %s",
		      reader ? reader_last_reason(reader) : strerror(-err));
		mend(f, "the process that reads their files needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, "
			"and seccomp");
	} else {
		found(f, GOOD, "programs' files can be read in a process without rights");
	}
	reader_free(reader);
}

static void check_memory(struct finding *f)
{
	struct rlimit limit;

	if (capability_has(CAP_SYS_RESOURCE)) {
		found(f, GOOD, "the limit of locked memory can be raised");
		return;
	}
	getrlimit(RLIMIT_MEMLOCK, &limit);
	found(f, WARNING, "no CAP_SYS_RESOURCE: locked memory stays at %" PRIu64 " KiB, and the daemon can't be "
			  "kept from the OOM killer",
	      (uint64_t)limit.rlim_cur / 1024);
	mend(f, "harmless since 5.11, where BPF memory is charged to the control group instead");
}

static void check_jit(struct finding *f)
{
	long on = sysctl_number("/proc/sys/net/core/bpf_jit_enable");

	if (on == 0) {
		found(f, WARNING, "BPF programs are interpreted: each sample costs several times more");
		mend(f, "sysctl net.core.bpf_jit_enable=1");
	} else {
		found(f, GOOD, "BPF programs are compiled");
	}
}

static void check_pressure(struct finding *f)
{
	bool v2 = !access("/sys/fs/cgroup/cgroup.controllers", R_OK);
	bool psi = !access("/proc/pressure/cpu", R_OK);

	found(f, psi ? GOOD : WARNING, "control groups v%s; pressure (PSI) %s", v2 ? "2" : "1 or mixed",
	      psi ? "is measured" : "isn't measured");
	if (!psi)
		mend(f, "boot with psi=1");
}

static void check_journal(struct finding *f)
{
	if (journal_obstacle()) {
		found(f, WARNING, "log = journal can't be read by this build");
		mend(f, "%s", journal_obstacle());
	} else if (dlopen(JOURNAL_LIBRARY, RTLD_NOW | RTLD_LOCAL)) {
		found(f, GOOD, "the journal can be read, libsystemd is here");
	} else {
		found(f, GOOD, "no libsystemd here, and so no journal to read");
	}
}

/* As the uploader does, by the configuration that is installed. */
static void check_uploader(struct finding *f)
{
	struct config config;
	struct upload_user user;
	bool configured = !access(CONFIG_FILE_DEFAULT, R_OK) &&
			  !config_file_read(CONFIG_FILE_DEFAULT, &config);
	const char *wanted = configured ? config.upload.user : "";
	const char *missing = wanted[0] ? wanted : UPLOAD_USER;
	int err = upload_user_find(wanted, &user);

	if (!err && (wanted[0] || !strcmp(user.name, UPLOAD_USER))) {
		found(f, GOOD, "the uploader becomes user %s", user.name);
	} else {
		found(f, WARNING, "there is no user %s: %s", missing,
		      err ? "reports can't be uploaded"
			  : "the uploader becomes nobody, as whom others run too");
		mend(f, "adduser --system --group --no-create-home %s, or systemd-sysusers with "
			"deploy/backdraft.sysusers", missing);
	}
	if (configured)
		config_release(&config);
}

static const struct {
	const char *name;
	void (*check)(struct finding *f);
} checks[] = {
	{ "kernel", check_kernel },	{ "rights", check_rights },
	{ "types (BTF)", check_btf },	{ "BPF compiler", check_jit },
	{ "sampling event", check_events }, { "BPF programs", check_programs },
	{ "kernel symbols", check_kallsyms }, { "program symbols", check_reader },
	{ "living threads", check_dump }, { "PID namespace", check_pids },
	{ "memory limit", check_memory }, { "control groups", check_pressure },
	{ "journal", check_journal },	{ "uploader", check_uploader },
};

int verb_doctor(int argc, char **argv)
{
	static const char *const marks[] = { "ok", "warn", "FAIL" };
	int status = VERB_DONE;

	if (verb_getopt(verb_doctor_options, argc, argv) != -1)
		return VERB_WRONG_USE;
	collector_quiet();
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		struct finding f = { 0 };

		checks[i].check(&f);
		printf("%-4s  %-16s %s\n", marks[f.grade], checks[i].name, f.text);
		if (f.remedy[0])
			printf("      %-16s -> %s\n", "", f.remedy);
		fflush(stdout);
		if (f.grade == BAD)
			status = VERB_FAILED;
	}
	printf("\n%s\n", status ? "capture can't work here yet." : "capture works here.");
	return status;
}
