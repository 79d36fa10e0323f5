// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/symbols/symbol_text.h"

#include "user/lib/base/utf8.h"

/* Bytes of the character at `p`, 0 where it isn't one that may be in a name. */
static size_t character(const char *p, size_t left)
{
	const unsigned char *c = (const unsigned char *)p;

	if (c[0] < 0x20 || c[0] == 0x7f || (left > 1 && c[0] == 0xc2 && c[1] < 0xa0))
		return 0;
	return utf8_step(p, left);
}

void symbol_text_clean(char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = character(text + i, len - i);

		if (n == 0)
			text[i] = '?';
		i += n ? n : 1;
	}
}

bool symbol_text_valid(const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = character(text + i, len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}
