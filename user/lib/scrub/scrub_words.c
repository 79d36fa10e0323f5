// SPDX-License-Identifier: BSD-2-Clause
/* Names of this machine in a text: hundreds of them cost no more than one. */
#include <stdlib.h>
#include <string.h>

#include "user/lib/scrub/scrub_private.h"

#define FIRST_BYTES 3
#define SHORT_BYTES 5 /* of shorter names `_` makes another word: max_connections */
#define BUCKETS 1024

struct word {
	char *text; /* lower case */
	size_t len;
	enum scrub_class class;
	struct word *next; /* of the same bucket, the longest first */
};

struct scrub_words {
	struct word *word, *bucket[BUCKETS];
	size_t n;
};

static size_t bucket_of(const char *text)
{
	unsigned int h = 0;

	for (int i = 0; i < FIRST_BYTES; i++)
		h = h * 31 + (unsigned char)scrub_lower(text[i]);
	return (h ^ h >> 10) % BUCKETS;
}

static int add(struct scrub_words *w, const struct scrub_word *from)
{
	struct word *word = &w->word[w->n], **at;

	word->text = strdup(from->text);
	if (!word->text)
		return -1;
	word->len = strlen(word->text);
	word->class = from->class;
	for (char *p = word->text; *p; p++)
		*p = scrub_lower(*p);
	w->n++;
	for (at = &w->bucket[bucket_of(word->text)]; *at && (*at)->len >= word->len;)
		at = &(*at)->next;
	word->next = *at;
	*at = word;
	return 0;
}

struct scrub_words *scrub_words_new(const struct scrub_word *words, size_t n)
{
	struct scrub_words *w = calloc(1, sizeof(*w));

	if (w)
		w->word = calloc(n + 1, sizeof(*w->word));
	if (!w || !w->word) {
		free(w);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		if (scrub_word_counts(words[i].text) && add(w, &words[i])) {
			scrub_words_free(w);
			return NULL;
		}
	return w;
}

void scrub_words_free(struct scrub_words *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n; i++)
		free(w->word[i].text);
	free(w->word);
	free(w);
}

/* A blank of a full name also stands for what joins names: Anna.Berg, anna_berg, Anna-Berg. */
static bool same(const struct word *word, const char *text)
{
	for (size_t i = 0; i < word->len; i++)
		if (scrub_lower(text[i]) != word->text[i] &&
		    !(word->text[i] == ' ' && scrub_in("._-+", text[i])))
			return false;
	return true;
}

static bool joins(const struct word *word, int c)
{
	return scrub_is_word(c) || (c == '_' && word->len < SHORT_BYTES);
}

static bool whole(const struct word *word, const struct scrub_match *m, size_t at)
{
	size_t end = at + word->len;

	/* The path of a home directory begins with what ends a word. */
	return (!at || !joins(word, (unsigned char)m->text[at - 1]) || word->text[0] == '/') &&
	       (end == m->len || !joins(word, (unsigned char)m->text[end]));
}

bool scrub_words_find(const struct scrub_words *w, struct scrub_match *m,
		      enum scrub_class *ret_class)
{
	for (size_t at = m->start; w->n && at + FIRST_BYTES <= m->len; at++) {
		for (const struct word *word = w->bucket[bucket_of(m->text + at)]; word;
		     word = word->next) {
			if (word->len > m->len - at || !same(word, m->text + at) ||
			    !whole(word, m, at))
				continue;
			m->start = at;
			m->end = at + word->len;
			*ret_class = word->class;
			return true;
		}
	}
	return false;
}

bool scrub_words_cut(const struct scrub_words *w, struct scrub_match *m,
		     enum scrub_class *ret_class)
{
	for (size_t at = 0; at + FIRST_BYTES <= m->len; at++) {
		struct word begin;

		if (at && scrub_is_word(m->text[at - 1]))
			continue;
		for (const struct word *word = w->bucket[bucket_of(m->text + at)]; word;
		     word = word->next) {
			begin = *word;
			begin.len = m->len - at;
			if (begin.len >= word->len || !same(&begin, m->text + at))
				continue;
			m->start = at;
			m->end = m->len;
			*ret_class = word->class;
			return true;
		}
	}
	return false;
}
