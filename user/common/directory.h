/* SPDX-License-Identifier: BSD-2-Clause */
/* Directories of our own. */
#ifndef BD_DIRECTORY_H
#define BD_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Opens a directory, made (0700, its parents 0755) where it is missing. A symbolic link in its place,
 * or another owner than us, is refused. Descriptor or -errno.
 */
int directory_open(const char *path);

/* Reads a whole file of at most `most` bytes; the caller frees it. 0 or -errno, -EFBIG if larger. */
int directory_read(int directory, const char *name, size_t most, void **ret_data,
		   size_t *ret_size);
/* The file appears whole or not at all, and stays through a power cut. 0 or -errno. */
int directory_write(int directory, const char *name, const void *data, size_t size);
/* The same, readable for a group; -1 is none. */
int directory_write_group(int directory, const char *name, const void *data, size_t size,
			  int64_t group);

#endif
