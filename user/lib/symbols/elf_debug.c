// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/symbols/elf_debug.h"

#include <errno.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 65536

struct unpacking {
	uint8_t *data;
	size_t len, cap;
};

/* Room for more output, which doubles; what it grows to follows what really came out. */
static int make_room(struct unpacking *u, lzma_stream *xz)
{
	size_t cap = u->cap ? u->cap * 2 : CHUNK_BYTES;
	uint8_t *grown;

	if (u->cap >= ELF_DEBUGDATA_MAX)
		return -EFBIG;
	grown = realloc(u->data, cap);
	if (!grown)
		return -ENOMEM;
	u->data = grown;
	u->cap = cap;
	xz->next_out = u->data + u->len;
	xz->avail_out = u->cap - u->len;
	return 0;
}

static int unpack(const struct elf_image *e, const struct elf_image_section *s, struct unpacking *u)
{
	lzma_stream xz = LZMA_STREAM_INIT;
	uint64_t offset = s->offset, left = s->size;
	uint8_t chunk[CHUNK_BYTES];
	lzma_ret status = LZMA_OK;
	int err = 0;

	if (lzma_stream_decoder(&xz, ELF_DEBUGDATA_MEMORY, 0) != LZMA_OK)
		return -ENOMEM;
	while (status == LZMA_OK && err == 0) {
		if (xz.avail_in == 0 && left > 0) {
			size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);

			err = elf_image_read(e, offset, chunk, n);
			if (err < 0)
				break;
			xz.next_in = chunk;
			xz.avail_in = n;
			offset += n;
			left -= n;
		}
		if (xz.avail_out == 0)
			err = make_room(u, &xz);
		if (err == 0)
			status = lzma_code(&xz, left || xz.avail_in ? LZMA_RUN : LZMA_FINISH);
		u->len = u->cap - xz.avail_out;
	}
	lzma_end(&xz);
	if (err == 0 && status != LZMA_STREAM_END)
		err = status == LZMA_MEM_ERROR || status == LZMA_MEMLIMIT_ERROR ? -ENOMEM
										: -EBADMSG;
	return err;
}

int elf_debugdata(const struct elf_image *e, void **ret_data, size_t *ret_size)
{
	int section = elf_image_section_by_name(e, ".gnu_debugdata");
	struct unpacking u = {0};
	int err;

	if (section < 0)
		return section;
	err = unpack(e, &e->sections[section], &u);
	if (err < 0) {
		free(u.data);
		return err;
	}
	*ret_data = u.data;
	*ret_size = u.len;
	return 0;
}

int elf_debuglink(const struct elf_image *e, char *name, size_t size)
{
	int section = elf_image_section_by_name(e, ".gnu_debuglink"), n;

	if (section < 0)
		return section;
	n = elf_image_text(e, e->sections[section].offset,
			   e->sections[section].offset + e->sections[section].size, name, size);
	if (n < 0)
		return n;
	if (n == 0 || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -ENOENT;
	return 0;
}

int elf_debugaltlink(const struct elf_image *e, uint8_t build_id[ELF_BUILD_ID_MAX],
		     uint32_t *ret_size)
{
	int section = elf_image_section_by_name(e, ".gnu_debugaltlink"), n, err;
	const struct elf_image_section *s;
	char name[4096];
	uint64_t size;

	if (section < 0)
		return section;
	s = &e->sections[section];
	n = elf_image_text(e, s->offset, s->offset + s->size, name, sizeof(name));
	if (n < 0)
		return n;
	/* The build ID is what follows the name. */
	if (s->size <= (uint64_t)n + 1)
		return -EBADMSG;
	size = s->size - (uint64_t)n - 1;
	if (size > ELF_BUILD_ID_MAX)
		return -EBADMSG;
	err = elf_image_read(e, s->offset + (uint64_t)n + 1, build_id, size);
	if (err < 0)
		return err;
	*ret_size = (uint32_t)size;
	return 0;
}

bool elf_build_id_path(const uint8_t *build_id, uint32_t size, char *path, size_t path_size)
{
	size_t at;

	/* A short one says nothing: files of different builds would be taken for each other. */
	if (size < 8 || size > ELF_BUILD_ID_MAX || path_size < 24 + 2 * (size_t)size)
		return false;
	at = (size_t)snprintf(path, path_size, "/.build-id/%02x/", build_id[0]);
	for (uint32_t i = 1; i < size; i++)
		at += (size_t)snprintf(path + at, path_size - at, "%02x", build_id[i]);
	snprintf(path + at, path_size - at, ".debug");
	return true;
}
