/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8: what may be in a report, whatever bytes a program calls itself by. */
#ifndef BD_UTF8_H
#define BD_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that the replacement of one bad byte takes: U+FFFD. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"
#define UTF8_GROWTH 3

/*
 * Length of the valid sequence at `text` (1 to 4, at most `len`), or 0 where there is none: a stray
 * or missing continuation byte, an overlong form, a surrogate, a value over U+10FFFF (RFC 3629).
 */
size_t utf8_step(const char *text, size_t len);

/* True where all `len` bytes are valid and none is NUL. */
bool utf8_is_clean(const char *text, size_t len);

/* Writes the text with U+FFFD for each bad byte or NUL; `ret` has room for UTF8_GROWTH * len + 1.
 * Terminates it and returns its length. */
size_t utf8_clean(const char *text, size_t len, char *ret);

#endif
