/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes personal data out of all texts of a report. */
#ifndef BD_SCRUB_REPORT_H
#define BD_SCRUB_REPORT_H

#include "user/lib/profile/report.h"
#include "user/lib/scrub/scrub.h"

#define SCRUB_VERSION 2 /* of the rules; goes up when what is found changes */

/*
 * Begins anew in `s` (another key), gives every text of the report the treatment that the table in
 * scrub_report.c has for its field, and fills r->scrub. Texts that no row refers to any more are
 * gone; fields that this version does not know are dropped and counted, as nobody can say what they
 * hold. Doing it twice changes nothing but the counts, which add up. 0, or -ENOMEM or -errno: the
 * report is then half done and must not leave.
 */
int scrub_report(struct scrub *s, struct report *r);

/* What a text in that field of that map or table is; SCRUB_TEXT where the table has no row. */
enum scrub_treatment scrub_treatment(const char *map, const char *field);

/* Writes what was taken out, by class, as `show --privacy` does: to a terminal, for a person. */
struct out;
void scrub_write(const struct report *r, struct out *out);

#endif
