/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers and names as the summary shows them. */
#ifndef BD_SUMMARY_TEXT_H
#define BD_SUMMARY_TEXT_H

#include "user/lib/base/out.h"

#define SUMMARY_NUMBER_BYTES 32

/* "1.23 s", "45.6 ms", "7 us": three digits that matter. Returns `ret`. */
const char *summary_time(uint64_t ns, char ret[SUMMARY_NUMBER_BYTES]);
/* "17.5 MB" */
const char *summary_bytes(uint64_t bytes, char ret[SUMMARY_NUMBER_BYTES]);
/* "1,234,567" */
const char *summary_count(uint64_t n, char ret[SUMMARY_NUMBER_BYTES]);
/* 100 * part / whole; 0 of 0 */
double summary_percent(uint64_t part, uint64_t whole);

/*
 * Writes a name in at most `columns` characters; what is too long ends in "…". Control characters
 * become '?'. Returns the columns used.
 */
unsigned int summary_name(struct out *out, const char *name, unsigned int columns);

#endif
