// SPDX-License-Identifier: BSD-2-Clause
#include "server/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(char *error, const char *what, const char *name)
{
	int err = -errno;

	snprintf(error, PRIVILEGES_ERROR_BYTES, "%s %.300s: %s", what, name, strerror(-err));
	return err;
}

static int become(const char *name, uid_t uid, gid_t gid, char *error)
{
	/* Root's way back is gone only when all three are. */
	if ((name ? initgroups(name, gid) : setgroups(0, NULL)) < 0 ||
	    setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return fail(error, "becoming user", name ? name : "of the data directory");
	return 0;
}

static int find_user(const char *name, struct passwd **ret, char *error)
{
	errno = 0;
	*ret = getpwnam(name);
	if (*ret)
		return 0;
	snprintf(error, PRIVILEGES_ERROR_BYTES,
		 "there is no user '%.100s': make it (adduser --system --group %.100s)", name,
		 name);
	return -ENOENT;
}

static int make_directory(const char *path, const struct passwd *owner, char *error)
{
	struct stat st;

	if (mkdir(path, 0700) < 0) {
		if (errno != EEXIST)
			return fail(error, "data directory", path);
		owner = NULL;
	}
	/* What was there stays as it is, whoever owns it. */
	if (owner && chown(path, owner->pw_uid, owner->pw_gid) < 0)
		return fail(error, "data directory", path);
	if (stat(path, &st) < 0)
		return fail(error, "data directory", path);
	if (!S_ISDIR(st.st_mode) || st.st_mode & 077) {
		snprintf(error, PRIVILEGES_ERROR_BYTES,
			 "data directory %.200s: others can enter it: chmod 700 %.200s", path,
			 path);
		return -EPERM;
	}
	return 0;
}

int privileges_drop(const struct server_config *config, char error[PRIVILEGES_ERROR_BYTES])
{
	struct passwd *user = NULL;
	int err = 0;

	if (geteuid() == 0 && *config->user)
		err = find_user(config->user, &user, error);
	else if (geteuid() == 0 && !config->allow_root)
		err = -EPERM;
	if (err == -EPERM)
		snprintf(error, PRIVILEGES_ERROR_BYTES,
			 "it does not run as root: give it a user to become (--user NAME), or "
			 "--allow-root");
	if (!err)
		err = make_directory(config->data, user, error);
	if (!err && user)
		err = become(user->pw_name, user->pw_uid, user->pw_gid, error);
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		err = fail(error, "no_new_privs", "");
	return err;
}

int privileges_become_owner(const char *directory, char error[PRIVILEGES_ERROR_BYTES])
{
	struct stat st;

	if (stat(directory, &st) < 0)
		return fail(error, "data directory", directory);
	if (geteuid() || !st.st_uid)
		return 0;
	return become(NULL, st.st_uid, st.st_gid, error);
}
