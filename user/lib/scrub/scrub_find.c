// SPDX-License-Identifier: BSD-2-Clause
/* What an expression would find less well: e-mail addresses from their @, keys in PEM blocks. */
#include <string.h>

#include "user/lib/scrub/scrub_private.h"

#define LOCAL_BYTES 64 /* RFC 5321 */
#define DOMAIN_BYTES 255
#define URL_BYTES 400
#define BEGIN "-----BEGIN "
#define END "-----END "
#define KEY "PRIVATE KEY"
#define LABEL_BYTES 64 /* between BEGIN and the dashes */

/* --- e-mail */
static bool is_local(int c)
{
	return scrub_is_word(c) || scrub_in("._%+-", c);
}

static bool is_domain(int c)
{
	return scrub_is_word(c) || c == '.' || c == '-';
}

/* systemd's template units look the same. */
static bool is_unit(const char *label, size_t n)
{
	static const char *const kinds[] = {"service",	 "socket", "target", "timer",
					    "mount",	 "slice",  "scope",  "device",
					    "automount", "path",   "swap"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i]) == n && !memcmp(label, kinds[i], n))
			return true;
	return false;
}

/* The last label of a domain has letters only, unlike that of a version behind `package@`. */
static size_t domain_end(const char *text, size_t at, size_t len)
{
	size_t end = at, dot, most = len - at > DOMAIN_BYTES ? at + DOMAIN_BYTES : len;

	while (end < most && is_domain((unsigned char)text[end]))
		end++;
	while (end > at && (text[end - 1] == '.' || text[end - 1] == '-'))
		end--;
	for (dot = end; dot > at && text[dot - 1] != '.'; dot--)
		if (!scrub_is_alpha(text[dot - 1]) && (unsigned char)text[dot - 1] < 0x80)
			return 0;
	if (dot == at || dot - 1 == at || end - dot < 2 || is_unit(text + dot, end - dot))
		return 0;
	/* `name@1.2.3-beta.alpha` */
	dot = at + strspn(text + at, "0123456789");
	return dot > at && dot + 1 < end && text[dot] == '.' && scrub_is_digit(text[dot + 1]) ? 0
											      : end;
}

/* In `scheme://name@host` and `scheme://name:password@host` the name is no mailbox. */
static bool in_url(const char *text, size_t start)
{
	for (size_t i = 0; i < URL_BYTES && start; i++, start--) {
		if (text[start - 1] == '/')
			return start >= 3 && !memcmp(text + start - 3, "://", 3);
		if (!is_domain((unsigned char)text[start - 1]) &&
		    !scrub_in(":%$!&*+=~_", text[start - 1]))
			return false;
	}
	return false;
}

bool scrub_find_email(struct scrub_match *m)
{
	size_t from = m->start;

	while (from < m->len) {
		const char *at = memchr(m->text + from, '@', m->len - from);
		size_t middle, start, end;

		if (!at)
			return false;
		middle = start = at - m->text;
		while (start > m->start && middle - start < LOCAL_BYTES &&
		       is_local((unsigned char)m->text[start - 1]))
			start--;
		while (start < middle && scrub_in(".-%", m->text[start]))
			start++;
		end = domain_end(m->text, middle + 1, m->len);
		from = middle + 1;
		if (!end || start == middle || in_url(m->text, start) ||
		    (middle - start == 3 && !memcmp(m->text + start, "git", 3)))
			continue;
		/* A realm's own principal: krbtgt/EXAMPLE.ORG@EXAMPLE.ORG. */
		if (end - middle - 1 == middle - start &&
		    !memcmp(m->text + start, m->text + middle + 1, middle - start))
			continue;
		m->start = start;
		m->end = end;
		return true;
	}
	return false;
}

/* --- private keys */
/* Behind `-----BEGIN ` or `-----END `: where the dashes end, if it is of a private key; else 0. */
static size_t key_label(const char *text, size_t at, size_t len)
{
	size_t most = len - at > LABEL_BYTES ? at + LABEL_BYTES : len, end = at;
	const char *key;

	while (end < most && text[end] != '-')
		end++;
	key = memmem(text + at, end - at, KEY, strlen(KEY));
	if (!key)
		return 0;
	while (end < len && text[end] == '-')
		end++;
	return end;
}

/* The next `-----BEGIN ` or `-----END ` of a private key, and where it ends; `len` for none. */
static size_t find_label(const char *text, size_t from, size_t len, const char *what,
			 size_t *ret_end)
{
	size_t n = strlen(what);

	while (from < len) {
		const char *at = memmem(text + from, len - from, what, n);

		if (!at)
			break;
		*ret_end = key_label(text, at - text + n, len);
		if (*ret_end)
			return at - text;
		from = at - text + n;
	}
	*ret_end = len;
	return len;
}

size_t scrub_key_end(const char *text, size_t len, bool *ret_ended)
{
	size_t end;

	*ret_ended = find_label(text, 0, len, END, &end) < len;
	return end;
}

bool scrub_key_open(const char *text, size_t len)
{
	size_t from = 0, end;

	while (find_label(text, from, len, BEGIN, &end) < len) {
		from = end;
		if (find_label(text, from, len, END, &end) == len)
			return true;
		from = end;
	}
	return false;
}

bool scrub_find_key(struct scrub_match *m)
{
	size_t end;

	m->start = find_label(m->text, m->start, m->len, BEGIN, &end);
	if (m->start == m->len)
		return false;
	find_label(m->text, end, m->len, END, &m->end);
	return true;
}
