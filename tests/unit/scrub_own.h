/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of scrubbing share: a machine with names, and marks without their hashes. */
#ifndef TESTS_SCRUB_OWN_H
#define TESTS_SCRUB_OWN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/lib/scrub/scrub.h"

static const struct scrub_word own_words[] = {
	{SCRUB_hostname, "falcon7"},	{SCRUB_hostname, "falcon7.corp.example"},
	{SCRUB_user, "annaberg"},	{SCRUB_user, "max"},
	{SCRUB_user, "Anna Bergström"}, {SCRUB_home, "/srv/people/annaberg"},
	{SCRUB_user, "root"},		{SCRUB_user, "ab"},
	{SCRUB_hostname, "localhost"},
};
#define OWN_WORDS (sizeof(own_words) / sizeof(own_words[0]))

/* `<ip:1f3a52>` becomes `<ip>`, in place. The text is terminated then. */
static inline void own_plain(char *text, size_t len)
{
	size_t to = 0;

	for (size_t i = 0; i < len; i++) {
		bool hash = text[i] == ':' && i + 7 < len && text[i + 7] == '>' &&
			    strspn(text + i + 1, "0123456789abcdef") == 6 && to;
		size_t name = to;

		while (hash && name && strchr("abcdefghijklmnopqrstuvwxyz_-", text[name - 1]))
			name--;
		if (hash && name && text[name - 1] == '<')
			i += 7;
		text[to++] = text[i];
	}
	text[to] = '\0';
}

struct own_row {
	const char *text, *expected; /* NULL: stays as it is */
};

static inline struct scrub *own_make(unsigned int allowed, const char *const *patterns, size_t n)
{
	struct scrub_options o = {allowed, own_words, OWN_WORDS, patterns, n};
	char error[SCRUB_ERROR_BYTES];
	struct scrub *s;

	if (scrub_new(&o, &s, error))
		fail_msg("%s", error);
	return s;
}

static inline char *own_scrubbed(struct scrub *s, enum scrub_treatment what, const char *text)
{
	static char buffer[3 * SCRUB_TEXT_BYTES];
	const char *ret;
	size_t n;

	assert_int_equal(scrub_text(s, what, false, text, strlen(text), &ret, &n), 0);
	assert_true(n < sizeof(buffer));
	memcpy(buffer, ret, n);
	buffer[n] = '\0';
	return buffer;
}

static inline void own_check(const struct own_row *rows, size_t n, unsigned int allowed,
			     enum scrub_treatment what)
{
	struct scrub *s = own_make(allowed, NULL, 0);
	size_t wrong = 0;

	for (size_t i = 0; i < n; i++) {
		const char *expected = rows[i].expected ? rows[i].expected : rows[i].text;
		char *once = strdup(own_scrubbed(s, what, rows[i].text)),
		     *twice = own_scrubbed(s, what, once);

		/* What was scrubbed stays as it is. */
		if (strcmp(once, twice))
			print_error("again: %s\n   got: %s\n", once, twice), wrong++;
		own_plain(once, strlen(once));
		if (strcmp(once, expected))
			print_error("  text: %s\nexpect: %s\n   got: %s\n", rows[i].text, expected,
				    once),
				wrong++;
		free(once);
	}
	scrub_free(s);
	assert_int_equal(wrong, 0);
}
#define OWN_CHECK(rows) own_check(rows, sizeof(rows) / sizeof(rows[0]), 0, SCRUB_TEXT)

#endif
