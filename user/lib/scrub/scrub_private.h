/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the parts of scrub: rules, their checks, words. */
#ifndef BD_SCRUB_PRIVATE_H
#define BD_SCRUB_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "user/lib/scrub/scrub.h"

/* A candidate: the value is text[start .. end). */
struct scrub_match {
	const char *text;
	size_t len, start, end;
};

struct scrub_words;

struct scrub_rule {
	enum scrub_class class;
	const char *mark;  /* as in <mark:1f3a52> */
	const char *needs; /* bytes without which there is no match; 0 stands for any digit */
	const char *words; /* one of these occurs in each match, small letters, `a|b`; NULL: none is
			      known */
	const char *pattern;
	/* NULL, or whether it is one; may move the ends inwards. */
	bool (*check)(struct scrub_match *m);
	/* Instead of a pattern: the next candidate from m->start on. */
	bool (*find)(struct scrub_match *m);
};
extern const struct scrub_rule scrub_rules[];
extern const size_t scrub_n_rules;

/* Checks and finders, by the file that has them: scrub_number.c, scrub_check.c, scrub_find.c. */
bool scrub_check_ipv4(struct scrub_match *m);
bool scrub_check_ipv6(struct scrub_match *m);
bool scrub_check_mac(struct scrub_match *m);
bool scrub_check_card(struct scrub_match *m);
bool scrub_check_iban(struct scrub_match *m);
bool scrub_check_phone(struct scrub_match *m);
bool scrub_check_uuid(struct scrub_match *m);
bool scrub_check_token(struct scrub_match *m);
bool scrub_check_credentials(struct scrub_match *m);
bool scrub_check_secret(struct scrub_match *m);
bool scrub_check_user(struct scrub_match *m);
bool scrub_check_actor(struct scrub_match *m);
bool scrub_check_host(struct scrub_match *m);
bool scrub_check_home(struct scrub_match *m);
bool scrub_check_command(struct scrub_match *m);
bool scrub_find_email(struct scrub_match *m);
bool scrub_find_key(struct scrub_match *m);

/* Where a private key that began in an earlier text ends in this one, or `len`. */
size_t scrub_key_end(const char *text, size_t len, bool *ret_ended);
/* Whether a text ends inside a private key. */
bool scrub_key_open(const char *text, size_t len);

/* Names that say nothing of a person or a machine. Any case. */
bool scrub_is_common(const char *text, size_t len);

/* Words: sorted by what they begin with. Copies what counts. NULL without memory. */
struct scrub_words *scrub_words_new(const struct scrub_word *words, size_t n);
void scrub_words_free(struct scrub_words *w);
/* The next word from m->start on that is a whole one in the text, and its class. */
bool scrub_words_find(const struct scrub_words *w, struct scrub_match *m,
		      enum scrub_class *ret_class);

/* The begin of a word that the end of the text cuts off, 3 bytes of it at least. */
bool scrub_words_cut(const struct scrub_words *w, struct scrub_match *m, enum scrub_class *ret_class);

/* A name of so many bytes was cut by the kernel, or could have been. */
#define SCRUB_CUT_NAME_BYTES 15
/* What may be the begin of something personal at the end of such a name: its mark, or NULL. */
const char *scrub_find_cut(struct scrub_match *m, const struct scrub_words *words,
			   enum scrub_class *ret_class);

/* strchr() without its surprise: NUL is in no set. Texts have lengths, and any bytes. */
static inline bool scrub_in(const char *set, int c)
{
	for (; *set; set++)
		if (*set == (char)c)
			return true;
	return false;
}
/* Neither case nor locale. */
static inline int scrub_lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}
static inline bool scrub_is_digit(int c)
{
	return c >= '0' && c <= '9';
}
static inline bool scrub_is_alpha(int c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}
/* Part of a word, those of other alphabets included. */
static inline bool scrub_is_word(int c)
{
	return scrub_is_alpha(c) || scrub_is_digit(c) || (unsigned char)c >= 0x80;
}

#endif
