/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory of files that stands for /proc and the control groups. */
#ifndef BD_TESTS_FAKE_TREE_H
#define BD_TESTS_FAKE_TREE_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fake_tree {
	char dir[64];
};

static inline void fake_tree_new(struct fake_tree *t)
{
	strcpy(t->dir, "/tmp/bd-tree-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
}

static inline int fake_tree_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static inline void fake_tree_free(struct fake_tree *t)
{
	assert_int_equal(nftw(t->dir, fake_tree_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* Writes a file, and makes the directories above it. */
__attribute__((format(printf, 3, 4))) static inline void
fake_tree_write(const struct fake_tree *t, const char *name, const char *format, ...)
{
	char path[512];
	va_list args;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	for (char *p = path + strlen(t->dir) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(path, 0700);
	}
	f = fopen(path, "w");
	assert_non_null(f);
	va_start(args, format);
	vfprintf(f, format, args);
	va_end(args);
	assert_int_equal(fclose(f), 0);
}

static inline void fake_tree_drop(const struct fake_tree *t, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	assert_int_equal(nftw(path, fake_tree_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
