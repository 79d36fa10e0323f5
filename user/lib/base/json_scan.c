// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/base/json_scan.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "user/lib/base/utf8.h"

bool json_scan_take(struct json_scan *s, char c)
{
	while (s->at < s->end && *s->at && strchr(" \t\r\n", *s->at))
		s->at++;
	if (s->at >= s->end || *s->at != c || !c)
		return false;
	s->at++;
	return true;
}

bool json_scan_word(struct json_scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len))
		return false;
	s->at += len;
	return true;
}

static int hex4(struct json_scan *s, uint32_t *ret)
{
	*ret = 0;
	if (s->end - s->at < 4)
		return -EINVAL;
	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit =
			*s->at ? strchr(digits, *s->at | (*s->at >= 'A' ? 0x20 : 0)) : NULL;

		if (!digit)
			return -EINVAL;
		*ret = *ret << 4 | (digit - digits);
		s->at++;
	}
	return 0;
}

static char *put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = c;
	} else if (c < 0x800) {
		*to++ = 0xc0 | c >> 6;
		*to++ = 0x80 | (c & 0x3f);
	} else if (c < 0x10000) {
		*to++ = 0xe0 | c >> 12;
		*to++ = 0x80 | (c >> 6 & 0x3f);
		*to++ = 0x80 | (c & 0x3f);
	} else {
		*to++ = 0xf0 | c >> 18;
		*to++ = 0x80 | (c >> 12 & 0x3f);
		*to++ = 0x80 | (c >> 6 & 0x3f);
		*to++ = 0x80 | (c & 0x3f);
	}
	return to;
}

/* Behind "\u". Never longer than what it is read from. */
static char *read_unicode(struct json_scan *s, char *to)
{
	uint32_t c, low;

	if (hex4(s, &c))
		return NULL;
	if (c >= 0xd800 && c < 0xdc00 && s->end - s->at >= 6 && !memcmp(s->at, "\\u", 2)) {
		const char *back = s->at;

		s->at += 2;
		if (hex4(s, &low))
			return NULL;
		if (low >= 0xdc00 && low < 0xe000)
			return put_utf8(to, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
		s->at = back;
	}
	return put_utf8(to, !c || (c >= 0xd800 && c < 0xe000) ? 0xfffd : c);
}

static char *read_escape(struct json_scan *s, char *to)
{
	static const char from[] = "\"\\/bfnrt", is[] = "\"\\/\b\f\n\r\t";
	const char *known;
	char c;

	if (s->at >= s->end)
		return NULL;
	c = *s->at++;
	if (c == 'u')
		return read_unicode(s, to);
	known = c ? strchr(from, c) : NULL;
	if (!known)
		return NULL;
	*to++ = is[known - from];
	return to;
}

long json_scan_string(struct json_scan *s, char *to)
{
	char *begin = to;

	while (s->at < s->end && *s->at != '"') {
		size_t step = utf8_step(s->at, s->end - s->at);

		if (!step || (unsigned char)*s->at < 0x20)
			return -EINVAL;
		if (*s->at != '\\') {
			memcpy(to, s->at, step);
			to += step;
			s->at += step;
			continue;
		}
		s->at++;
		to = read_escape(s, to);
		if (!to)
			return -EINVAL;
	}
	if (s->at >= s->end)
		return -EINVAL;
	s->at++;
	*to = '\0';
	return to - begin;
}

static const char *digits_of(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

const char *json_scan_number(const struct json_scan *s, bool *ret_whole)
{
	const char *p = s->at + (s->at < s->end && *s->at == '-'), *digits = p;

	*ret_whole = true;
	p = digits_of(p, s->end);
	if (p == digits || (p - digits > 1 && *digits == '0'))
		return NULL;
	if (p < s->end && *p == '.') {
		*ret_whole = false;
		digits = ++p;
		p = digits_of(p, s->end);
		if (p == digits)
			return NULL;
	}
	if (p < s->end && (*p == 'e' || *p == 'E')) {
		*ret_whole = false;
		p++;
		p += p < s->end && (*p == '+' || *p == '-');
		digits = p;
		p = digits_of(p, s->end);
		if (p == digits)
			return NULL;
	}
	return p;
}
