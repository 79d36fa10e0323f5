/* SPDX-License-Identifier: BSD-2-Clause */
/* One line on standard error; control characters come out as '?'. */
#ifndef BD_SERVER_LOG_H
#define BD_SERVER_LOG_H

void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
