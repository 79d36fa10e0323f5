/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a control group, v1 or v2, may use and how it was held back. A quota counts wherever it is
 * set on the way from the group up to the root.
 */
#ifndef BD_CGROUP_STATS_H
#define BD_CGROUP_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CGROUP_QUOTAS_MAX 8 /* on the way up; those furthest down count */

enum cgroup_hierarchy { CGROUP_V2, CGROUP_CPU, CGROUP_CPUSET, CGROUP_SYSTEMD, CGROUP_HIERARCHIES };

/* Where they are mounted, and which part of the tree is; "" where one isn't. */
struct cgroup_mounts {
	struct cgroup_mount {
		char *dir, *root;
	} mounts[CGROUP_HIERARCHIES];
};

/* From the text of a mountinfo file, which is changed. 0 or -ENOMEM. */
int cgroup_mounts_parse(char *mountinfo, struct cgroup_mounts *ret);
void cgroup_mounts_release(struct cgroup_mounts *m);

/* A process's paths; they point into the text. NULL where it is in none. */
struct cgroup_paths {
	const char *paths[CGROUP_HIERARCHIES];
};
/* From the text of /proc/PID/cgroup, which is changed and must live as long. */
void cgroup_paths_parse(char *text, struct cgroup_paths *ret);
/* The path that has the unit's and container's names in it; "/" if none has. */
const char *cgroup_paths_best(const struct cgroup_paths *p);

struct cgroup_stats {
	char *dirs[CGROUP_HIERARCHIES];	  /* the group's directories, NULL where it has none */
	size_t roots[CGROUP_HIERARCHIES]; /* bytes of the mount's directory in these */
	double quota_cpus;		/* the smallest on the way up, INFINITY for none */
	double cpuset_cpus;		/* INFINITY where not known */
	uint64_t quota_id;		/* whose quota that is, to tell groups that share one */
	size_t nquotas;
	struct cgroup_quota {
		uint64_t id; /* of the directory's name */
		size_t length;
		enum cgroup_hierarchy hierarchy;
		double cpus;
		uint64_t period_ns;
		struct cgroup_counters {
			uint64_t t_ns; /* of the read; 0: not yet */
			uint64_t periods, throttled, throttled_ns;
		} counters;
	} quotas[CGROUP_QUOTAS_MAX];
	bool pressure_tried, pressure_known;
	uint64_t pressure_us;
};

/* How it was in the time since the last read; 0 to 1, NAN where it isn't known. */
struct cgroup_second {
	double out_of_quota; /* of the periods with work in them: the quota was used up */
	double throttled;    /* of the time: held back */
	double pressure;
};

/* Without memory it is a group that nothing is known of. */
void cgroup_stats_init(struct cgroup_stats *s, const struct cgroup_mounts *mounts,
		       const struct cgroup_paths *paths);
void cgroup_stats_release(struct cgroup_stats *s);
/* Reads the limits again. */
void cgroup_stats_limits(struct cgroup_stats *s);
/*
 * Reads the counters; `dt_ns` is the length of the second that ends at `now_ns`. A group that did
 * not run and did not wait needs no reading (`idle`): its own counters stand still.
 */
void cgroup_stats_read(struct cgroup_stats *s, uint64_t now_ns, uint64_t dt_ns, bool idle,
		       struct cgroup_second *ret);

#endif
