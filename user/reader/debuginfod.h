/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debug files from debuginfod servers, by the library of that name where it is installed. Asked
 * only when somebody says so (`export --debuginfod`), and 5 s in all: an unreachable server blocks
 * for 90 s a file.
 */
#ifndef BD_DEBUGINFOD_H
#define BD_DEBUGINFOD_H

#define DEBUGINFOD_MS 5000

struct debuginfod;

/*
 * -ENOENT: libdebuginfod isn't installed, or this is the static build; -EDESTADDRREQ:
 * DEBUGINFOD_URLS names no server; -ENOMEM.
 */
int debuginfod_new(struct debuginfod **ret);
void debuginfod_free(struct debuginfod *d);

/*
 * Fetches the debug file of a build ID (hex) to the library's cache. *ret_path is the caller's to
 * free. -ENOENT: no server has it; -ETIMEDOUT: the 5 s are over; or what else went wrong. It has
 * the type of a resymbolize_fetch_fn, for which `arg` is the struct debuginfod.
 */
int debuginfod_fetch(void *arg, const char *build_id, char **ret_path);

#endif
