// SPDX-License-Identifier: BSD-2-Clause
#include "user/reader/reader_rights.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FLAG_OWN_ROOT 1
#define FLAG_READ_ALL 2
#define FLAG_AS_ROOT 4
#define FLAG_JOURNAL 8

void reader_rights_print(const struct reader_rights *r, char ret[READER_RIGHTS_BYTES])
{
	int flags = (r->own_root ? FLAG_OWN_ROOT : 0) | (r->read_all ? FLAG_READ_ALL : 0) |
		    (r->as_root ? FLAG_AS_ROOT : 0) | (r->journal ? FLAG_JOURNAL : 0);
	size_t n = (size_t)snprintf(ret, READER_RIGHTS_BYTES, "%d,%d,%u,%u", r->pid, flags, r->uid,
				    r->gid);

	for (size_t i = 0; i < r->n_groups && i < READER_GROUPS_MAX; i++)
		n += (size_t)snprintf(ret + n, READER_RIGHTS_BYTES - n, ",%u", r->groups[i]);
}

/* A number, and the comma behind it. */
static bool take(const char **text, unsigned long *ret)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*ret = strtoul(*text, &end, 10);
	if (errno || *ret > UINT32_MAX || (*end && *end != ','))
		return false;
	*text = *end ? end + 1 : end;
	return true;
}

int reader_rights_parse(const char *text, struct reader_rights *ret)
{
	struct reader_rights r = {0};
	unsigned long pid, flags, uid, gid, group;

	if (!take(&text, &pid) || !take(&text, &flags) || !take(&text, &uid) || !take(&text, &gid) ||
	    pid > INT32_MAX)
		return -EINVAL;
	r.pid = (int)pid;
	r.own_root = flags & FLAG_OWN_ROOT;
	r.read_all = flags & FLAG_READ_ALL;
	r.as_root = flags & FLAG_AS_ROOT;
	r.journal = flags & FLAG_JOURNAL;
	r.uid = (uint32_t)uid;
	r.gid = (uint32_t)gid;
	for (; *text; r.groups[r.n_groups++] = (uint32_t)group)
		if (r.n_groups == READER_GROUPS_MAX || !take(&text, &group))
			return -EINVAL;
	*ret = r;
	return 0;
}
