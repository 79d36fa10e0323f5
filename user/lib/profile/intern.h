/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of strings of a report: text to index, both ways in O(1).
 *
 * Owns its texts. A zeroed struct report_strings is empty, without even entry 0.
 */
#ifndef BD_INTERN_H
#define BD_INTERN_H

#include "user/lib/profile/report.h"

/* Index of the text, added when new. Text that is not clean UTF-8 is made so first. Or -ENOMEM. */
int64_t intern_text(struct report_strings *s, const char *text, size_t len);

/* Adds the text as the next entry even where another is the same: for reading a report, whose
 * indexes must stay as they are. Returns the index or -ENOMEM. */
int64_t intern_append(struct report_strings *s, const char *text, size_t len);

void intern_release(struct report_strings *s);

#endif
