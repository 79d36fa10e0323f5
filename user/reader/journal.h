/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether this build can read systemd's journal: libsystemd is loaded where it is (reader_journal.c). */
#ifndef BD_JOURNAL_H
#define BD_JOURNAL_H

#define JOURNAL_LIBRARY "libsystemd.so.0"

/* Why this build never can, and what to do, in a sentence; NULL: it can, where the library is. */
const char *journal_obstacle(void);

#endif
