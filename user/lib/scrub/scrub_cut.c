// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names that the kernel has cut, as it does those of threads after 15 bytes: what stands at the end may be
 * the begin of something personal that no rule knows as such any more. What could be one is taken for one.
 */
#include <string.h>

#include "user/lib/scrub/scrub_private.h"

static bool is_address(int c)
{
	return scrub_is_digit(c) || c == '.' || c == ':' ||
	       (scrub_lower(c) >= 'a' && scrub_lower(c) <= 'f');
}

static size_t count_of(const char *text, size_t len, int c)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == (char)c;
	return n;
}

/* alice@example.c, alice@: a mailbox, whatever its domain was to be. `name@1` is a version. */
static bool cut_email(struct scrub_match *m)
{
	size_t at = m->len, start;

	while (at && m->text[at - 1] != '@') {
		if (!scrub_is_word(m->text[at - 1]) && !scrub_in(".-", m->text[at - 1]))
			return false;
		at--;
	}
	if (at < 3 || (at < m->len && scrub_is_digit(m->text[at])))
		return false;
	for (start = at - 1; start && (scrub_is_word(m->text[start - 1]) ||
				       scrub_in("._+-", m->text[start - 1]));)
		start--;
	m->start = start;
	m->end = m->len;
	return at - 1 - start >= 2;
}

/*
 * Three numbers of an IPv4 address, or four parts of an IPv6 or a MAC address. `v1.22.333` isn't one, and neither
 * is a time.
 */
static bool cut_address(struct scrub_match *m, bool *ret_mac)
{
	size_t start = m->len, n, colons;

	while (start && is_address((unsigned char)m->text[start - 1]))
		start--;
	n = m->len - start;
	if (!n || (start && scrub_is_word(m->text[start - 1])))
		return false;
	colons = count_of(m->text + start, n, ':');
	m->start = start;
	m->end = m->len;
	*ret_mac = colons >= 3 && n >= 3 && m->text[start + 2] == ':';
	if (colons)
		return colons >= 3;
	for (size_t i = start; i < m->len; i++)
		if (!scrub_is_digit(m->text[i]) && m->text[i] != '.')
			return false;
	return scrub_is_digit(m->text[start]) && count_of(m->text + start, n, '.') >= 2 && n >= 6;
}

const char *scrub_find_cut(struct scrub_match *m, const struct scrub_words *words,
			   enum scrub_class *ret_class)
{
	bool mac = false;

	*ret_class = SCRUB_email;
	if (cut_email(m))
		return "email";
	*ret_class = SCRUB_address;
	if (cut_address(m, &mac))
		return mac ? "mac" : "ip";
	if (!scrub_words_cut(words, m, ret_class))
		return NULL;
	return *ret_class == SCRUB_hostname ? "host" : scrub_classes[*ret_class].name;
}
