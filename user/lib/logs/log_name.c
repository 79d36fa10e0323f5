// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/logs/log_name.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES 256

bool log_name_is_pattern(const char *pattern)
{
	return strpbrk(pattern, "*?") != NULL;
}

/* A star takes as little as it can, and more when what follows it doesn't fit: each only once, so
 * that it takes no longer than the product of both lengths. */
bool log_name_matches(const char *pattern, const char *name)
{
	const char *star = NULL, *from = NULL;

	if (*name == '.' && *pattern != '.')
		return false;
	while (*name) {
		if (*pattern == '*') {
			star = pattern++;
			from = name;
		} else if (*pattern && (*pattern == '?' || *pattern == *name)) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star + 1;
			name = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static const char *const compressions[] = {".gz", ".xz", ".zst", ".bz2", ".lz4", ".Z"};

static size_t compression_bytes(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(compressions) / sizeof(*compressions); i++) {
		size_t n = strlen(compressions[i]);

		if (len > n && !strcmp(name + len - n, compressions[i]))
			return n;
	}
	return 0;
}

bool log_name_compressed(const char *name)
{
	return compression_bytes(name) > 0;
}

/* A number, a date or a time: what tells one former file from another. */
static bool is_count(const char *text, size_t len)
{
	bool digit = false;

	for (size_t i = 0; i < len; i++) {
		digit |= text[i] >= '0' && text[i] <= '9';
		if (!strchr("0123456789.-_:TZ", text[i]))
			return false;
	}
	return digit;
}

static bool is_suffix(const char *text)
{
	static const char *const words[] = {".old", ".bak", ".prev", ".save", ".orig", "~"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(text, words[i]))
			return true;
	return strchr(".-_", *text) && is_count(text + 1, strlen(text + 1));
}

/* name = what matches the pattern, and a suffix */
static bool has_suffix(const char *pattern, const char *name)
{
	char head[NAME_BYTES];

	for (size_t n = 1; name[n]; n++) {
		if (!strchr(".-_~", name[n]) || !is_suffix(name + n))
			continue;
		snprintf(head, sizeof(head), "%.*s", (int)n, name);
		if (log_name_matches(pattern, head))
			return true;
	}
	return false;
}

/* name = stem, a number or date, extension; the pattern is stem and extension. */
static bool has_middle(const char *pattern, const char *name)
{
	const char *dot = strrchr(pattern, '.');
	size_t ext = dot ? strlen(dot) : 0, len = strlen(name);
	char head[NAME_BYTES];

	if (!dot || dot == pattern || log_name_is_pattern(dot) || len <= ext ||
	    strcmp(name + len - ext, dot))
		return false;
	for (size_t n = 1; n < len - ext; n++) {
		if (!strchr(".-_", name[n]) || !is_count(name + n + 1, len - ext - n - 1))
			continue;
		snprintf(head, sizeof(head), "%.*s%s", (int)n, name, dot);
		if (log_name_matches(pattern, head))
			return true;
	}
	return false;
}

bool log_name_rotated(const char *pattern, const char *name)
{
	char plain[NAME_BYTES];
	int len = (int)(strlen(name) - compression_bytes(name));

	if (len >= NAME_BYTES)
		return false;
	snprintf(plain, sizeof(plain), "%.*s", len, name);
	/* app.log.gz was app.log a moment ago. */
	return has_suffix(pattern, plain) || has_middle(pattern, plain) ||
	       (name[len] && log_name_matches(pattern, plain));
}
