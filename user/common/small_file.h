/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading what the kernel writes into small files, without allocating. */
#ifndef BD_SMALL_FILE_H
#define BD_SMALL_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The file's first size - 1 bytes and a zero. Their number, or -errno. */
ssize_t small_file_read(const char *path, char *text, size_t size);
/* The number after `key` and a blank, at the start of a line. 0 or -ENOENT. */
int small_file_number(const char *text, const char *key, uint64_t *ret);

#endif
