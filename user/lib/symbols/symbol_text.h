/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names come from files that anybody can write, and end in terminals, JSON and MessagePack: they
 * are UTF-8 without control characters, or they aren't used.
 */
#ifndef BD_SYMBOL_TEXT_H
#define BD_SYMBOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Replaces every byte that symbol_text_valid() would refuse by '?'. */
void symbol_text_clean(char *text, size_t len);
/* Well-formed UTF-8 (RFC 3629: shortest form, no surrogates) without U+0000 to 1F and 7F to 9F. */
bool symbol_text_valid(const char *text, size_t len);

#endif
