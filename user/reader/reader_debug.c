// SPDX-License-Identifier: BSD-2-Clause
/* Separate debug files in the reader child, where distributions install them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/symbols/elf_debug.h"
#include "user/reader/reader_child.h"

#define DEBUG_ROOT "/usr/lib/debug"

/* Opens it, and looks whether it has this build ID. The file, or -errno. */
static int open_with_build_id(int pid, const char *path, const uint8_t *build_id, uint32_t size,
			      uint64_t *ret_size)
{
	struct elf_image e;
	struct stat st;
	bool same;
	int fd = reader_child_open_below(pid, path, &st);

	if (fd < 0)
		return fd;
	if (elf_image_open(&e, fd, (uint64_t)st.st_size) < 0) {
		close(fd);
		return -EBADMSG;
	}
	same = e.build_id_size == size && memcmp(e.build_id, build_id, size) == 0;
	elf_image_release(&e);
	if (!same) {
		close(fd);
		return -ESTALE;
	}
	*ret_size = (uint64_t)st.st_size;
	return fd;
}

/* In the process's own root first: its image may bring what this machine hasn't installed. */
static int open_by_build_id(int pid, const uint8_t *build_id, uint32_t size, uint64_t *ret_size)
{
	char path[sizeof(DEBUG_ROOT) + 128] = DEBUG_ROOT;
	int fd = -ENOENT;

	if (!elf_build_id_path(build_id, size, path + strlen(path), sizeof(path) - strlen(path)))
		return -ENOENT;
	if (pid)
		fd = open_with_build_id(pid, path, build_id, size, ret_size);
	return fd >= 0 ? fd : open_with_build_id(0, path, build_id, size, ret_size);
}

static int open_by_link(const struct reader_where *where, const struct elf_image *e,
			uint64_t *ret_size)
{
	static const char *const forms[] = {"%.*s/%s", "%.*s/.debug/%s", DEBUG_ROOT "%.*s/%s"};
	char name[256], path[READER_PATH_MAX + 512];
	const char *slash = strrchr(where->path, '/');
	int fd = -ENOENT;

	if (where->path[0] != '/' || elf_debuglink(e, name, sizeof(name)) < 0)
		return -ENOENT;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]) && fd < 0; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(path, sizeof(path), forms[i], (int)(slash - where->path), where->path,
			 name);
#pragma GCC diagnostic pop
		fd = open_with_build_id(where->pid, path, e->build_id, e->build_id_size, ret_size);
	}
	return fd;
}

static int open_alternate(const struct reader_where *where, const struct elf_image *e)
{
	uint8_t build_id[ELF_BUILD_ID_MAX];
	uint64_t file_size;
	uint32_t size;

	if (elf_debugaltlink(e, build_id, &size) < 0)
		return -1;
	return open_by_build_id(where->pid, build_id, size, &file_size);
}

void reader_child_open_debug(const struct reader_where *where, const struct elf_image *e,
			     int *ret_debug_fd, uint64_t *ret_debug_size, int *ret_alt_fd)
{
	struct elf_image debug;
	int fd = -1;

	*ret_debug_fd = *ret_alt_fd = -1;
	/* One that has all in itself needs no other. */
	if (elf_image_section_by_name(e, ".debug_info") >= 0) {
		*ret_alt_fd = open_alternate(where, e);
		return;
	}
	if (e->build_id_size == 0)
		return;
	fd = open_by_build_id(where->pid, e->build_id, e->build_id_size, ret_debug_size);
	if (fd < 0)
		fd = open_by_link(where, e, ret_debug_size);
	if (fd < 0)
		return;
	*ret_debug_fd = fd;
	if (elf_image_open(&debug, fd, *ret_debug_size) == 0) {
		*ret_alt_fd = open_alternate(where, &debug);
		elf_image_release(&debug);
	}
}
