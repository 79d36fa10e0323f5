// SPDX-License-Identifier: BSD-2-Clause
/* Where control groups are mounted, and in which ones a process is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/clients/cgroup_stats.h"

static const char *const controllers[CGROUP_HIERARCHIES] = {
	[CGROUP_CPU] = "cpu",
	[CGROUP_CPUSET] = "cpuset",
	[CGROUP_SYSTEMD] = "name=systemd",
};

/* Is WORD one of those that are separated by commas? */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; *p; p += strcspn(p, ",") + (p[strcspn(p, ",")] == ','))
		if (strcspn(p, ",\n") == n && !strncmp(p, word, n))
			return true;
	return false;
}

/* mountinfo writes blanks and the like as \040. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		unsigned value;

		if (*from == '\\' && sscanf(from + 1, "%3o", &value) == 1) {
			*to++ = (char)value;
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

static int mount_take(struct cgroup_mount *mount, const char *dir, const char *root)
{
	char *own_dir, *own_root;

	if (*mount->dir) /* the first one is what is reached below it */
		return 0;
	own_dir = strdup(dir);
	own_root = strdup(root);
	if (!own_dir || !own_root) {
		free(own_dir);
		free(own_root);
		return -ENOMEM;
	}
	unescape(own_dir);
	unescape(own_root);
	free(mount->dir);
	free(mount->root);
	*mount = (struct cgroup_mount){ own_dir, own_root };
	return 0;
}

/* A line: ID PARENT DEV ROOT DIR OPTIONS [TAG…] - TYPE SOURCE SUPER_OPTIONS */
static int mount_line(char *line, struct cgroup_mounts *ret)
{
	char *dash = strstr(line, " - "), *save = NULL, *root = NULL, *dir = NULL;
	char type[16], options[512];
	int err = 0;

	if (!dash || sscanf(dash + 3, "%15s %*s %511s", type, options) != 2)
		return 0;
	*dash = '\0';
	strtok_r(line, " ", &save);
	for (int i = 0; i < 4; i++) {
		root = dir;
		dir = strtok_r(NULL, " ", &save);
	}
	if (!root || !dir)
		return 0;
	if (!strcmp(type, "cgroup2"))
		return mount_take(&ret->mounts[CGROUP_V2], dir, root);
	for (int i = 0; i < CGROUP_HIERARCHIES && !err && !strcmp(type, "cgroup"); i++)
		if (controllers[i] && has_word(options, controllers[i]))
			err = mount_take(&ret->mounts[i], dir, root);
	return err;
}

int cgroup_mounts_parse(char *mountinfo, struct cgroup_mounts *ret)
{
	char *save = NULL;
	int err = 0;

	*ret = (struct cgroup_mounts){ 0 };
	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		ret->mounts[i] = (struct cgroup_mount){ strdup(""), strdup("") };
		if (!ret->mounts[i].dir || !ret->mounts[i].root)
			err = -ENOMEM;
	}
	for (char *line = strtok_r(mountinfo, "\n", &save); line && !err;
	     line = strtok_r(NULL, "\n", &save))
		err = mount_line(line, ret);
	if (err)
		cgroup_mounts_release(ret);
	return err;
}

void cgroup_mounts_release(struct cgroup_mounts *m)
{
	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		free(m->mounts[i].dir);
		free(m->mounts[i].root);
	}
	*m = (struct cgroup_mounts){ 0 };
}

void cgroup_paths_parse(char *text, struct cgroup_paths *ret)
{
	static const char gone[] = " (deleted)";
	char *save = NULL;

	*ret = (struct cgroup_paths){ 0 };
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		names++;
		size_t n = strlen(path), m = sizeof(gone) - 1;

		if (n > m && !strcmp(path + n - m, gone))
			path[n - m] = '\0';
		if (!*names)
			ret->paths[CGROUP_V2] = path;
		for (int i = 0; i < CGROUP_HIERARCHIES; i++)
			if (controllers[i] && has_word(names, controllers[i]))
				ret->paths[i] = path;
	}
}

const char *cgroup_paths_best(const struct cgroup_paths *p)
{
	static const enum cgroup_hierarchy order[] = { CGROUP_SYSTEMD, CGROUP_V2, CGROUP_CPU,
						       CGROUP_CPUSET };

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (p->paths[order[i]] && strcmp(p->paths[order[i]], "/"))
			return p->paths[order[i]];
	return "/";
}
