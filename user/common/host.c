// SPDX-License-Identifier: BSD-2-Clause
#include "user/common/host.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

/* The rest of the first line of `path` that begins with `prefix`, without quotes; or "". */
static void line_after(const char *path, const char *prefix, char *ret, size_t size)
{
	char *line = NULL;
	size_t cap = 0;
	FILE *f = fopen(path, "re");

	ret[0] = '\0';
	while (f && !ret[0] && getline(&line, &cap, f) > 0) {
		if (strncmp(line, prefix, strlen(prefix)))
			continue;
		char *text = line + strlen(prefix);

		text += strspn(text, " \t:\"=");
		text[strcspn(text, "\"\n")] = '\0';
		snprintf(ret, size, "%s", text);
	}
	free(line);
	if (f)
		fclose(f);
}

static void cpu_model(char *ret, size_t size)
{
	line_after("/proc/cpuinfo", "model name", ret, size);
	if (!ret[0])
		line_after("/proc/cpuinfo", "CPU part", ret, size); /* arm64 */
}

static uint64_t memory_bytes(void)
{
	char text[64];

	line_after("/proc/meminfo", "MemTotal", text, sizeof(text));
	return strtoull(text, NULL, 10) * 1024;
}

/* The disk below the root file system, by its driver's name and whether it says that it rotates. */
static const char *disk_kind(void)
{
	struct stat st;
	char path[128], link[512] = "", text[8];

	if (stat("/", &st))
		return "unknown";
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
	ssize_t n = readlink(path, link, sizeof(link) - 1);

	if (n <= 0)
		return major(st.st_dev) ? "unknown" : "virtual"; /* overlay, tmpfs, btrfs */
	if (strstr(link, "/vd") || strstr(link, "/xvd") || strstr(link, "virtio"))
		return "virtual";
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/queue/rotational", major(st.st_dev),
		 minor(st.st_dev));
	if (access(path, R_OK))
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../queue/rotational",
			 major(st.st_dev), minor(st.st_dev));
	line_after(path, "", text, sizeof(text));
	return text[0] == '1' ? "hdd" : text[0] == '0' ? "ssd" : "unknown";
}

static void virtualisation(char *ret, size_t size)
{
	static const struct {
		const char *vendor, *name;
	} known[] = {
		{ "QEMU", "qemu" },	      { "VMware", "vmware" },
		{ "innotek", "virtualbox" },  { "Xen", "xen" },
		{ "Microsoft", "hyper-v" },   { "Amazon EC2", "amazon" },
		{ "Google", "google" },	      { "Parallels", "parallels" },
	};
	char vendor[128], flags[8192];

	line_after("/sys/class/dmi/id/sys_vendor", "", vendor, sizeof(vendor));
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strstr(vendor, known[i].vendor)) {
			snprintf(ret, size, "%s", known[i].name);
			return;
		}
	line_after("/sys/hypervisor/type", "", ret, size);
	if (ret[0])
		return;
	line_after("/proc/cpuinfo", "flags", flags, sizeof(flags));
	snprintf(ret, size, "%s", strstr(flags, " hypervisor") ? "vm" : "none");
}

int host_facts(struct report *r)
{
	char text[256];
	struct utsname name;

	r->host.present = true;
	cpu_model(text, sizeof(text));
	if (report_set(&r->host.cpu_model, text[0] ? text : "unknown"))
		return -ENOMEM;
	r->host.cpus = sysconf(_SC_NPROCESSORS_ONLN);
	r->host.memory_bytes = memory_bytes();
	line_after("/etc/os-release", "PRETTY_NAME", text, sizeof(text));
	if (report_set(&r->host.os, text[0] ? text : "unknown") ||
	    report_set(&r->host.disk, disk_kind()))
		return -ENOMEM;
	virtualisation(text, sizeof(text));
	if (report_set(&r->host.virtualisation, text))
		return -ENOMEM;
	if (!uname(&name) &&
	    (report_set(&r->host.kernel, name.release) || report_set(&r->host.arch, name.machine)))
		return -ENOMEM;
	return 0;
}

int host_times(struct host_times *ret)
{
	uint64_t user, nice, system, idle, iowait, irq, softirq, steal;
	FILE *f = fopen("/proc/stat", "re");

	if (!f)
		return -errno;
	int n = fscanf(f,
		       "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		       " %" SCNu64 " %" SCNu64,
		       &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal);

	fclose(f);
	if (n != 8)
		return -EINVAL;
	uint64_t tick_ns = 1000000000ULL / sysconf(_SC_CLK_TCK);

	ret->steal_ns = steal * tick_ns;
	ret->irq_ns = (irq + softirq) * tick_ns;
	ret->idle_ns = (idle + iowait) * tick_ns;
	return 0;
}

int host_kernel_option(const char *name, int otherwise)
{
	char path[300], line[512], want[128];
	struct utsname uts;
	int found = 0;

	uname(&uts);
	snprintf(path, sizeof(path), "/boot/config-%s", uts.release);
	/* zlib reads a plain file as well. */
	gzFile f = gzopen("/proc/config.gz", "rbe");

	if (!f)
		f = gzopen(path, "rbe");
	if (!f)
		return otherwise;
	snprintf(want, sizeof(want), "%s=y", name);
	while (!found && gzgets(f, line, sizeof(line)))
		found = !strncmp(line, want, strlen(want));
	gzclose(f);
	return found;
}
