/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names for a report on another machine than the one that it was recorded on: from ELF and debug
 * files below a directory, by the build ID and the address that every frame keeps.
 */
#ifndef BD_RESYMBOLIZE_H
#define BD_RESYMBOLIZE_H

#include "user/lib/profile/report.h"

struct resymbolize_result {
	size_t modules; /* with a build ID */
	size_t found;	/* of these, in the directory */
	size_t frames;	/* that have a name, a line or inlined functions now that they hadn't */
};

/*
 * Fetches the debug file of a build ID from somewhere else: *ret_path is then freed by the caller.
 * Not 0: it isn't to be had.
 */
typedef int resymbolize_fetch_fn(void *arg, const char *build_id, char **ret_path);

/*
 * Looks up the native frames of all modules with a build ID. A function's name is replaced where a
 * file knows one; inlined functions become frames of their own, with their rows in `stacks`, and
 * samples and the crash dump are led to the new rows. What a file doesn't know stays as it is;
 * frames that have their inlined functions already are left alone, so doing it twice changes
 * nothing. 0; -ENOENT or -ENOTDIR for `dir`; -E2BIG; -ENOMEM, and the report is to be thrown away
 * then.
 */
int resymbolize(struct report *r, const char *dir, resymbolize_fetch_fn *fetch, void *arg,
		struct resymbolize_result *ret);

#endif
