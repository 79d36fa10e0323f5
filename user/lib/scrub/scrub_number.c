// SPDX-License-Identifier: BSD-2-Clause
/* Whether what looks like an address or a number is one. */
#include <arpa/inet.h>
#include <string.h>

#include "user/lib/scrub/scrub_private.h"

static int byte_at(const struct scrub_match *m, size_t at)
{
	return at < m->len ? (unsigned char)m->text[at] : 0;
}

/* The byte that is `back` before the candidate, or 0. */
static int before(const struct scrub_match *m, size_t back)
{
	return back <= m->start ? (unsigned char)m->text[m->start - back] : 0;
}

static bool ends_with(const char *text, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i < n; i++)
		if (n > len || scrub_lower(text[len - n + i]) != word[i])
			return false;
	return true;
}

/* A word before the candidate says that it is a version, as in `version 1.2.3.4`. */
static bool after_version_word(const struct scrub_match *m)
{
	static const char *const words[] = {"version", "ver",	   "release",  "revision", "rev",
					    "build",   "firmware", "versions", "v"};
	size_t end = m->start, start;

	while (end && m->start - end < 5 && scrub_in(" \t:='\"(,", m->text[end - 1]))
		end--;
	for (start = end; start && scrub_is_alpha(m->text[start - 1]); start--)
		;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		if (end - start == n ? ends_with(m->text, end, words[i])
				     : n > 4 && end - start > n &&
					       ends_with(m->text + start, end - start, words[i]))
			return true;
	}
	return false;
}

/* `Chrome/119.0.0.0`, as browsers name themselves, but not `tcp/10.0.0.1`, `HIER_DIRECT/10.0.0.1`
 * and `http://10.0.0.1`. */
static bool after_product(const struct scrub_match *m)
{
	static const char *const protocols[] = {"tcp",	"udp",	"ip",	"inet",	 "ipv4",
						"host", "addr", "peer", "client"};
	size_t end = m->start - 1, start;
	int next = byte_at(m, m->end);

	if (before(m, 1) != '/' || next == ':' || next == '/')
		return false;
	for (start = end;
	     start && (scrub_is_word(m->text[start - 1]) || scrub_in("._+-", m->text[start - 1]));
	     start--)
		;
	if (start == end || !scrub_is_alpha(m->text[start]) || (start && m->text[start - 1] == '/'))
		return false;
	for (size_t i = start; i < end; i++)
		if (m->text[i] == '_')
			return false;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (strlen(protocols[i]) == end - start &&
		    ends_with(m->text + start, end - start, protocols[i]))
			return false;
	return true;
}

/* The revision of a package behind it, `1.2.3.4-2`; of a private address it is a range. */
static bool has_revision(const struct scrub_match *m)
{
	const char *p = m->text + m->start, *rest = m->text + m->end;
	size_t n = m->len - m->end, digits = 1;

	if (n < 2 || rest[0] != '-' || !scrub_is_digit(rest[1]) || !memcmp(p, "10.", 3) ||
	    !memcmp(p, "192.168.", 7) || !memcmp(p, "172.", 4))
		return false;
	while (digits < n && digits < 4 && scrub_is_digit(rest[digits]))
		digits++;
	return digits <= 3 && (digits == n || scrub_in(" ),;_u+", rest[digits]));
}

/* `-1.2.3.4.jar`, `_1.2.3.4-1_amd64`, `/1.2.3.4/` within a path, `==1.2.3.4`, `1.2.3.4-beta`. */
static bool in_file_or_requirement(const struct scrub_match *m)
{
	static const char *const suffixes[] = {
		".so",	     ".jar", ".deb", ".rpm",	 ".tar", ".zip",  ".dll",
		".whl",	     ".tgz", ".exe", ".gz",	 ".war", ".egg",  ".gem",
		".ko",	     ".apk", ".el",  ".fc",	 "-rc",	 "-beta", "-alpha",
		"-snapshot", "+deb", "~rc",  "-release", ".jre", ".jdk",  ".final"};
	const char *rest = m->text + m->end;
	size_t n = m->len - m->end;

	if (before(m, 1) == '=' && scrub_in("=<>~!", before(m, 2)))
		return true;
	if (before(m, 1) == '/' && before(m, 2) != '/' && byte_at(m, m->end) == '/')
		return true;
	if (has_revision(m) || (before(m, 1) == '_' && byte_at(m, m->end) == '_'))
		return true;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t want = strlen(suffixes[i]);

		if (n >= want && ends_with(rest, want, suffixes[i]))
			return true;
	}
	return false;
}

bool scrub_check_ipv4(struct scrub_match *m)
{
	unsigned int octets[4] = {0};
	size_t at = m->start;

	for (int i = 0; i < 4; i++, at++) {
		size_t first = at;

		for (; at < m->end && scrub_is_digit(m->text[at]); at++)
			octets[i] = octets[i] * 10 + m->text[at] - '0';
		if (octets[i] > 255 || (m->text[first] == '0' && at - first > 1))
			return false;
	}
	/* Loopback, unspecified, netmasks and groups are the same on every machine. */
	if (octets[0] == 127 || !octets[0] || octets[0] >= 224)
		return false;
	return !after_version_word(m) && !after_product(m) && !in_file_or_requirement(m);
}

/*
 * What is assigned or private (RFC 4291, 4193, 6052): global unicast, unique local, link-local, and
 * IPv4 in IPv6. So `c10::add` and `abc::def` stay names of C++, and 12:34:56 a time.
 */
bool scrub_check_ipv6(struct scrub_match *m)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;
	size_t n = m->end - m->start;
	unsigned int first;

	if (n >= sizeof(text))
		return false;
	memcpy(text, m->text + m->start, n);
	text[n] = '\0';
	if (!strpbrk(text, "0123456789") || inet_pton(AF_INET6, text, &a) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&a))
		return a.s6_addr[12] != 127;
	first = a.s6_addr[0] << 8 | a.s6_addr[1];
	return (first >= 0x2000 && first <= 0x3fff) || first >> 8 == 0xfc || first >> 8 == 0xfd ||
	       (first >= 0xfe80 && first <= 0xfebf) || first == 0x64;
}

bool scrub_check_mac(struct scrub_match *m)
{
	bool digit_over_0 = false, under_f = false, letter = false;

	for (size_t i = m->start; i < m->end; i++) {
		int c = scrub_lower(m->text[i]);

		letter |= scrub_is_alpha(c);
		digit_over_0 |= c > '0' && c != ':' && c != '-' && c != '.';
		under_f |= c != 'f' && c != ':' && c != '-' && c != '.';
	}
	/* Dates have these forms as well. */
	if (m->text[m->start + 2] != ':' && !letter)
		return false;
	return digit_over_0 && under_f;
}

bool scrub_check_uuid(struct scrub_match *m)
{
	for (size_t i = m->start; i < m->end; i++)
		if (m->text[i] != '0' && m->text[i] != '-')
			return true;
	return false;
}

/* Issuers and the lengths of their numbers (ISO/IEC 7812). */
static bool issued(const char *digits, size_t n)
{
	static const struct {
		unsigned int from, to;
		uint8_t least, most;
	} issuers[] = {
		{4000, 4999, 13, 19}, {5100, 5599, 16, 16}, {2221, 2720, 16, 16},
		{3400, 3499, 15, 15}, {3700, 3799, 15, 15}, {6011, 6011, 16, 19},
		{6440, 6599, 16, 19}, {3528, 3589, 16, 19}, {3000, 3059, 14, 19},
		{3600, 3699, 14, 19}, {3800, 3999, 14, 19}, {6200, 6299, 16, 19},
		{5000, 5099, 16, 19}, {5600, 5899, 16, 19}, {6300, 6399, 16, 19},
		{6700, 6799, 16, 19},
	};
	unsigned int first = 0;

	for (int i = 0; i < 4; i++)
		first = first * 10 + digits[i] - '0';
	for (size_t i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++)
		if (first >= issuers[i].from && first <= issuers[i].to && n >= issuers[i].least &&
		    n <= issuers[i].most && (first / 1000 != 4 || n == 13 || n == 16 || n == 19))
			return true;
	return false;
}

bool scrub_check_card(struct scrub_match *m)
{
	char digits[32];
	unsigned int sum = 0;
	size_t n = 0;

	for (size_t i = m->start; i < m->end && n < sizeof(digits); i++)
		if (scrub_is_digit(m->text[i]))
			digits[n++] = m->text[i];
	for (size_t i = 0; i < n; i++) {
		unsigned int d = digits[n - 1 - i] - '0';

		sum += i % 2 ? d * 2 - (d > 4 ? 9 : 0) : d;
	}
	return n >= 13 && sum % 10 == 0 && issued(digits, n);
}

/* ISO 13616: the first four go to the end, letters are 10 to 35, the rest by 97 is 1. */
bool scrub_check_iban(struct scrub_match *m)
{
	char text[64];
	unsigned int rest = 0;
	size_t n = 0;

	for (size_t i = m->start; i < m->end && n < sizeof(text); i++)
		if (m->text[i] != ' ')
			text[n++] = m->text[i];
	if (n < 15 || n > 34)
		return false;
	for (size_t i = 0; i < n; i++) {
		int c = text[(i + 4) % n];

		rest = scrub_is_digit(c) ? rest * 10 + c - '0' : rest * 100 + c - 'A' + 10;
		rest %= 97;
	}
	return rest == 1;
}

/* International: 8 to 15 digits (E.164), and without blanks at least 11, as numbers with a sign
 * are common. */
bool scrub_check_phone(struct scrub_match *m)
{
	size_t digits = 0, other = 0;

	for (size_t i = m->start + 1; i < m->end; i++)
		scrub_is_digit(m->text[i]) ? digits++ : (other += m->text[i] != '.');
	return digits >= (other ? 8 : 10) && digits <= 15;
}
