// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/view/symbol_dir.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/lib/symbols/elf_image.h"

/* A debug file has the sections of the code, but nothing in them. */
static bool has_code(const struct elf_image *e)
{
	int text = elf_image_section_by_name(e, ".text");

	return text >= 0 && e->sections[text].type != SHT_NOBITS;
}

static int note(const struct elf_image *e, const char *path, struct symbol_dir_entry *entries,
		size_t n)
{
	char hex[2 * ELF_BUILD_ID_MAX + 1] = "";
	char **place;

	for (uint32_t i = 0; i < e->build_id_size; i++)
		snprintf(hex + 2 * i, 3, "%02x", e->build_id[i]);
	for (size_t i = 0; i < n && *hex; i++) {
		if (strcmp(entries[i].build_id, hex) != 0)
			continue;
		place = has_code(e) ? &entries[i].program : &entries[i].debug;
		if (*place)
			continue;
		*place = strdup(path);
		if (!*place)
			return -ENOMEM;
	}
	return 0;
}

static int look_at(const char *path, struct symbol_dir_entry *entries, size_t n)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), err = 0;
	struct elf_image e;
	struct stat st;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    elf_image_open(&e, fd, (uint64_t)st.st_size) == 0) {
		err = note(&e, path, entries, n);
		elf_image_release(&e);
	}
	close(fd);
	return err;
}

int symbol_dir_find(const char *dir, struct symbol_dir_entry *entries, size_t n)
{
	char *const roots[] = {(char *)(uintptr_t)dir, NULL};
	size_t files = 0;
	struct stat st;
	FTSENT *entry;
	FTS *tree;
	int err = 0;

	if (stat(dir, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
	if (!tree)
		return -errno;
	while (err == 0 && (entry = fts_read(tree))) {
		if (entry->fts_info != FTS_F)
			continue;
		err = ++files > SYMBOL_DIR_FILES_MAX ? -E2BIG
						     : look_at(entry->fts_accpath, entries, n);
	}
	fts_close(tree);
	return err;
}
