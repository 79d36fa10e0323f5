/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of JSON (RFC 8259) that are the same whatever is made of it: blanks, texts, numbers and
 * words. Strict: what is not JSON or not UTF-8 is refused.
 */
#ifndef BD_JSON_SCAN_H
#define BD_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct json_scan {
	const char *at, *end;
};

/* Past blanks, and past `c` where it comes next. */
bool json_scan_take(struct json_scan *s, char c);
/* Past a word such as `true`. */
bool json_scan_word(struct json_scan *s, const char *word);
/*
 * Behind the first quote: writes the text, terminated, to `to`, which has room for what is left of
 * the input. Past the last quote; a NUL becomes U+FFFD. The length, or -EINVAL and where it is
 * wrong in `at`.
 */
long json_scan_string(struct json_scan *s, char *to);
/* The end of the number that begins here, or NULL where its form is not JSON's. */
const char *json_scan_number(const struct json_scan *s, bool *ret_whole);

#endif
