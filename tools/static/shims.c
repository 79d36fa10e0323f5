/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linked by `make static` alone: what a program needs that carries elfutils in itself.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#define GROUPS_MAX 256

void *__wrap_dlopen(const char *file, int mode);
extern const char journal_static_build;
struct passwd *__wrap_getpwuid(uid_t uid);
int __wrap_initgroups(const char *user, gid_t group);

/*
 * libdw looks for libdebuginfod.so when it starts. The one that is on the host was made for the
 * host's C library and not for the one in here, and nothing here wants to be on the network.
 * So there is no libsystemd either: user/reader/journal.c says so.
 */
const char journal_static_build = 1;

void *__wrap_dlopen(const char *file, int mode)
{
	return NULL;
}

/*
 * The C library would open the host's NSS modules, which were made for the host's own. A user of
 * LDAP or the like is not found here, and the caller copes with that.
 */
struct passwd *__wrap_getpwuid(uid_t uid)
{
	static char line[4096];
	static struct passwd user;
	struct passwd *found = NULL;
	FILE *file = fopen("/etc/passwd", "re");

	while (file && !fgetpwent_r(file, &user, line, sizeof(line), &found) && found->pw_uid != uid)
		found = NULL;
	if (file)
		fclose(file);
	return found;
}

static int is_member(const struct group *group, const char *user)
{
	for (char **member = group->gr_mem; *member; member++)
		if (!strcmp(*member, user))
			return 1;
	return 0;
}

int __wrap_initgroups(const char *user, gid_t group)
{
	char line[16384];
	gid_t groups[GROUPS_MAX] = { group };
	size_t count = 1;
	struct group entry, *found;
	FILE *file = fopen("/etc/group", "re");

	while (file && count < GROUPS_MAX) {
		int err = fgetgrent_r(file, &entry, line, sizeof(line), &found);

		if (err && err != ERANGE)
			break;
		if (!err && entry.gr_gid != group && is_member(&entry, user))
			groups[count++] = entry.gr_gid;
	}
	if (file)
		fclose(file);
	return setgroups(count, groups);
}

/*
 * Since 0.192 libelf.a and libdw.a call six functions of an internal library that distributions do
 * not install (Debian 13, Ubuntu 25.04). These are the same wrappers of the C library's trees
 * (elfutils' lib/eu-search.h says what each does), without their lock: nothing here uses an Elf
 * from two threads. Weak, so that a libelf.a that has its own wins.
 *
 * The callers allocate it, and larger than this; the root comes first.
 */
struct search_tree {
	void *root;
};

typedef int compare_fn(const void *a, const void *b);

void eu_search_tree_init(struct search_tree *tree);
void eu_search_tree_fini(struct search_tree *tree, void (*free_node)(void *node));
void *eu_tsearch(const void *key, struct search_tree *tree, compare_fn *compare);
void *eu_tfind(const void *key, struct search_tree *tree, compare_fn *compare);
void *eu_tdelete(const void *key, struct search_tree *tree, compare_fn *compare);
void eu_tdestroy(struct search_tree *tree, void (*free_node)(void *node));

__attribute__((weak)) void eu_search_tree_init(struct search_tree *tree)
{
	tree->root = NULL;
}

__attribute__((weak)) void eu_tdestroy(struct search_tree *tree, void (*free_node)(void *node))
{
	tdestroy(tree->root, free_node);
	tree->root = NULL;
}

__attribute__((weak)) void eu_search_tree_fini(struct search_tree *tree,
					       void (*free_node)(void *node))
{
	eu_tdestroy(tree, free_node);
}

__attribute__((weak)) void *eu_tsearch(const void *key, struct search_tree *tree,
				       compare_fn *compare)
{
	return tsearch(key, &tree->root, compare);
}

__attribute__((weak)) void *eu_tfind(const void *key, struct search_tree *tree,
				     compare_fn *compare)
{
	return tfind(key, &tree->root, compare);
}

__attribute__((weak)) void *eu_tdelete(const void *key, struct search_tree *tree,
				       compare_fn *compare)
{
	return tdelete(key, &tree->root, compare);
}
