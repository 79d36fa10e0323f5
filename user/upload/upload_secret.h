/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that the uploader reads before it gives up its rights. */
#ifndef BD_UPLOAD_SECRET_H
#define BD_UPLOAD_SECRET_H

#include <stddef.h>

#define UPLOAD_SECRET_ERROR 4400

/*
 * The token: one line of printable characters, in a regular file of root or of ours that others can't
 * read. 0 and a text that the caller frees; or -errno and one line in `error`.
 */
int upload_token_read(const char *path, char **ret, char error[UPLOAD_SECRET_ERROR]);
/* Authorities, PEM. The same. */
int upload_authorities_read(const char *path, char **ret, size_t *ret_size,
			    char error[UPLOAD_SECRET_ERROR]);

#endif
