// SPDX-License-Identifier: BSD-2-Clause
#include "user/verbs/invoker.h"

#include <errno.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool invoker_number(const char *name, uint32_t *ret)
{
	const char *text = getenv(name);
	unsigned long value;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || value >= UINT32_MAX)
		return false;
	*ret = value;
	return true;
}

/* /etc/passwd itself: getpwnam(3) loads libraries, which the static binary cannot. */
static bool invoker_passwd(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *entry;
	bool found = false;

	while (f && !found && (entry = fgetpwent(f))) {
		found = !strcmp(entry->pw_name, name);
		if (found) {
			*ret_uid = entry->pw_uid;
			*ret_gid = entry->pw_gid;
		}
	}
	if (f)
		fclose(f);
	return found;
}

bool invoker_find(uid_t *ret_uid, gid_t *ret_gid)
{
	const char *doas = getenv("DOAS_USER");
	uint32_t uid, gid;

	if (geteuid())
		return false;
	if (invoker_number("SUDO_UID", &uid) && invoker_number("SUDO_GID", &gid)) {
		*ret_uid = uid;
		*ret_gid = gid;
		return true;
	}
	return doas && invoker_passwd(doas, ret_uid, ret_gid);
}
