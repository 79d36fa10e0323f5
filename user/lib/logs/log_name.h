/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of log files: which match a pattern, and which are what a matching one was before. */
#ifndef BD_LOG_NAME_H
#define BD_LOG_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* One component of a path; * and ? are any, and nothing else is special. A leading dot of the name
 * is only matched by one. */
bool log_name_matches(const char *pattern, const char *name);
bool log_name_is_pattern(const char *pattern);
/*
 * Whether the name is what rotation makes of one that matches: app.log -> app.log.1, app.log.old,
 * app.log-20261125, app-2026-11-25.log, app.1.log, each also compressed.
 */
bool log_name_rotated(const char *pattern, const char *name);
bool log_name_compressed(const char *name);

#endif
