// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/base/utf8.h"

#include <stdint.h>
#include <string.h>

/* Lead bytes, how many continuation bytes follow, and the range of the first of them. */
static const struct lead {
	uint8_t from, to, more, low, high;
} leads[] = {
	{0x00, 0x7f, 0, 0x00, 0x00}, {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
	{0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
	{0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

size_t utf8_step(const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text;
	const struct lead *l = leads;

	if (!len)
		return 0;
	while (l < leads + sizeof(leads) / sizeof(leads[0]) && (p[0] < l->from || p[0] > l->to))
		l++;
	if (l == leads + sizeof(leads) / sizeof(leads[0]) || len < l->more + 1u)
		return 0;
	if (l->more && (p[1] < l->low || p[1] > l->high))
		return 0;
	for (unsigned int i = 2; i <= l->more; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return l->more + 1u;
}

/* Length of the ASCII without NUL at the beginning, counted by eights: most text is nothing else.
 */
static size_t utf8_plain(const char *text, size_t len)
{
	const uint64_t high = 0x8080808080808080u, ones = 0x0101010101010101u;
	size_t n = 0;
	uint64_t word;

	for (; n + sizeof(word) <= len; n += sizeof(word)) {
		memcpy(&word, text + n, sizeof(word));
		/* A high bit, or a byte that borrows when 1 is taken from it. */
		if ((word | (word - ones)) & high)
			break;
	}
	while (n < len && text[n] > 0)
		n++;
	return n;
}

bool utf8_is_clean(const char *text, size_t len)
{
	size_t i = utf8_plain(text, len);

	while (i < len) {
		size_t step = text[i] ? utf8_step(text + i, len - i) : 0;

		if (!step)
			return false;
		i += step;
		i += utf8_plain(text + i, len - i);
	}
	return true;
}

size_t utf8_clean(const char *text, size_t len, char *ret)
{
	size_t out = 0, i = 0;

	while (i < len) {
		size_t plain = utf8_plain(text + i, len - i), step;

		memcpy(ret + out, text + i, plain);
		out += plain;
		i += plain;
		if (i == len)
			break;
		step = text[i] ? utf8_step(text + i, len - i) : 0;
		if (step) {
			memcpy(ret + out, text + i, step);
			out += step;
			i += step;
		} else {
			memcpy(ret + out, UTF8_REPLACEMENT, UTF8_GROWTH);
			out += UTF8_GROWTH;
			i++;
		}
	}
	ret[out] = '\0';
	return out;
}
