// SPDX-License-Identifier: BSD-2-Clause
#include "user/clients/cgroup_stats.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/base/idmap.h"
#include "user/clients/pressure.h"
#include "user/common/small_file.h"

#define PATH_BYTES 4096

/* Reads the file NAME in the first `length` bytes of `dir`. */
static ssize_t file_read(const char *dir, size_t length, const char *name, char *text, size_t size)
{
	char path[2 * PATH_BYTES];

	snprintf(path, sizeof(path), "%.*s/%s", (int)length, dir, name);
	return small_file_read(path, text, size);
}

/* CPUs in a list such as "0-3,8"; 0 for none. */
static unsigned cpus_in(const char *list)
{
	unsigned n = 0;

	while (*list >= '0' && *list <= '9') {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (last < first || last - first > 65536)
			return 0;
		n += last - first + 1;
		list = end + (*end == ',');
	}
	return n;
}

/* The nearest group on the way up that says which CPUs it has. */
static double cpuset_read(const struct cgroup_stats *s)
{
	static const struct {
		enum cgroup_hierarchy hierarchy;
		const char *name;
	} files[] = {
		{ CGROUP_CPUSET, "cpuset.effective_cpus" },
		{ CGROUP_CPUSET, "cpuset.cpus" },
		{ CGROUP_V2, "cpuset.cpus.effective" },
	};
	char text[4096];

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		const char *dir = s->dirs[files[i].hierarchy];

		for (size_t n = dir ? strlen(dir) : 0; n && n >= s->roots[files[i].hierarchy]; n--)
			if ((!dir[n] || dir[n] == '/') &&
			    file_read(dir, n, files[i].name, text, sizeof(text)) > 0 && cpus_in(text))
				return cpus_in(text);
	}
	return INFINITY;
}

/* The quota that is set in one directory, in CPUs. False: none. */
static bool quota_read(const char *dir, size_t length, enum cgroup_hierarchy hierarchy,
		       double *ret_cpus, uint64_t *ret_period_ns)
{
	char text[64], period_text[64];
	long long quota, period;

	if (hierarchy == CGROUP_V2) {
		if (file_read(dir, length, "cpu.max", text, sizeof(text)) < 0 ||
		    sscanf(text, "%lld %lld", &quota, &period) != 2)
			return false;
	} else {
		if (file_read(dir, length, "cpu.cfs_quota_us", text, sizeof(text)) < 0 ||
		    file_read(dir, length, "cpu.cfs_period_us", period_text, sizeof(period_text)) <
			    0)
			return false;
		quota = atoll(text);
		period = atoll(period_text);
	}
	if (quota <= 0 || period <= 0)
		return false;
	*ret_cpus = (double)quota / (double)period;
	*ret_period_ns = (uint64_t)period * 1000;
	return true;
}

static uint64_t name_hash(const char *name, size_t n)
{
	uint64_t hash = n;

	for (size_t i = 0; i < n; i++)
		hash = idmap_mix(hash, (unsigned char)name[i]);
	return hash;
}

/* True where there is one. Counters of those that were known go on. */
static bool quotas_find(struct cgroup_stats *s, enum cgroup_hierarchy hierarchy)
{
	const char *dir = s->dirs[hierarchy];
	struct cgroup_stats old = *s;

	s->nquotas = 0;
	s->quota_cpus = INFINITY;
	s->quota_id = 0;
	for (size_t n = dir ? strlen(dir) : 0;
	     n && n >= s->roots[hierarchy] && s->nquotas < CGROUP_QUOTAS_MAX; n--) {
		struct cgroup_quota q = { .length = n, .hierarchy = hierarchy };

		if ((dir[n] && dir[n] != '/') ||
		    !quota_read(dir, n, hierarchy, &q.cpus, &q.period_ns))
			continue;
		q.id = name_hash(dir, n);
		for (size_t i = 0; i < old.nquotas; i++)
			if (old.quotas[i].id == q.id) {
				q.counters = old.quotas[i].counters;
			}
		if (q.cpus < s->quota_cpus) {
			s->quota_cpus = q.cpus;
			s->quota_id = q.id;
		}
		s->quotas[s->nquotas++] = q;
	}
	return s->nquotas;
}

void cgroup_stats_limits(struct cgroup_stats *s)
{
	/* The controller is in one of them; where v1 has it, v2 has no such file. */
	if (!quotas_find(s, CGROUP_CPU))
		quotas_find(s, CGROUP_V2);
	s->cpuset_cpus = cpuset_read(s);
}

static char *directory(const struct cgroup_mount *mount, const char *path)
{
	size_t root = strlen(mount->root);
	char *dir;

	/* Groups outside of what we see are "/../…", or not below the part that is mounted. */
	if (!path || !*mount->dir || strstr(path, "/.."))
		return NULL;
	if (strcmp(mount->root, "/")) {
		if (strncmp(path, mount->root, root) || (path[root] && path[root] != '/'))
			return NULL;
		path += root;
	}
	if (asprintf(&dir, "%s%s", mount->dir, strcmp(path, "/") ? path : "") < 0)
		return NULL;
	return dir;
}

void cgroup_stats_init(struct cgroup_stats *s, const struct cgroup_mounts *mounts,
		       const struct cgroup_paths *paths)
{
	*s = (struct cgroup_stats){ 0 };
	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		s->dirs[i] = directory(&mounts->mounts[i], paths->paths[i]);
		s->roots[i] = strlen(mounts->mounts[i].dir);
	}
	cgroup_stats_limits(s);
}

void cgroup_stats_release(struct cgroup_stats *s)
{
	for (int i = 0; i < CGROUP_HIERARCHIES; i++)
		free(s->dirs[i]);
	*s = (struct cgroup_stats){ 0 };
}

static bool counters_read(const struct cgroup_stats *s, const struct cgroup_quota *q,
			  uint64_t now_ns, struct cgroup_counters *ret)
{
	char text[1024];

	if (file_read(s->dirs[q->hierarchy], q->length, "cpu.stat", text, sizeof(text)) < 0 ||
	    small_file_number(text, "nr_periods", &ret->periods) ||
	    small_file_number(text, "nr_throttled", &ret->throttled))
		return false;
	if (small_file_number(text, "throttled_time", &ret->throttled_ns)) {
		if (small_file_number(text, "throttled_usec", &ret->throttled_ns))
			return false;
		ret->throttled_ns *= 1000;
	}
	ret->t_ns = now_ns;
	return true;
}

/* What happened at one quota since the last read; nothing where that isn't known yet. */
static void quota_second(struct cgroup_stats *s, struct cgroup_quota *q, uint64_t now_ns,
			 uint64_t dt_ns, struct cgroup_second *ret)
{
	const struct cgroup_counters last = q->counters;
	struct cgroup_counters now = { 0 };

	if (!counters_read(s, q, now_ns, &now))
		now = (struct cgroup_counters){ 0 };
	q->counters = now;
	/* Counters that went back belong to a new group of the same name. */
	if (!now.t_ns || !last.t_ns || now.t_ns <= last.t_ns || now.periods < last.periods ||
	    now.throttled < last.throttled || now.throttled_ns < last.throttled_ns)
		return;
	double periods = now.periods - last.periods, throttled = now.throttled - last.throttled;
	/* While the group was idle, its own counters stood still, but not those of one above. */
	double time_ns = s->dirs[q->hierarchy][q->length] ? now.t_ns - last.t_ns : dt_ns;
	/* The first is summed over the CPUs: both are at least what passed on the clock. */
	double by_time = (double)(now.throttled_ns - last.throttled_ns) / time_ns;
	double by_periods = throttled * q->period_ns / time_ns;

	if (periods > 0)
		ret->out_of_quota = fmax(ret->out_of_quota, fmin(throttled / periods, 1));
	ret->throttled = fmax(ret->throttled, fmin(fmin(by_time, by_periods), 1));
}

static double pressure_second(struct cgroup_stats *s, uint64_t dt_ns)
{
	uint64_t last = s->pressure_us;
	bool known = s->pressure_known;
	char path[2 * PATH_BYTES];

	s->pressure_tried = true;
	/* The root's is the machine's. */
	if (!s->dirs[CGROUP_V2] || !s->dirs[CGROUP_V2][s->roots[CGROUP_V2]])
		return NAN;
	snprintf(path, sizeof(path), "%s/cpu.pressure", s->dirs[CGROUP_V2]);
	s->pressure_known = !pressure_read(path, &s->pressure_us);
	if (!s->pressure_known || !known || s->pressure_us < last)
		return NAN;
	return fmin((double)(s->pressure_us - last) * 1000 / dt_ns, 1);
}

void cgroup_stats_read(struct cgroup_stats *s, uint64_t now_ns, uint64_t dt_ns, bool idle,
		       struct cgroup_second *ret)
{
	bool visible = s->dirs[CGROUP_CPU] || s->dirs[CGROUP_V2];

	*ret = (struct cgroup_second){ .throttled = visible ? 0 : NAN };
	for (size_t i = 0; i < s->nquotas; i++)
		if (!idle || !s->quotas[i].counters.t_ns)
			quota_second(s, &s->quotas[i], now_ns, dt_ns, ret);
	if (!idle || !s->pressure_tried)
		ret->pressure = pressure_second(s, dt_ns);
	else
		ret->pressure = s->pressure_known ? 0 : NAN;
}
