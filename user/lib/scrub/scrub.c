// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/scrub/scrub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/scrub/scrub_state.h"

#define TRIES (8 * SCRUB_MATCHES) /* candidates of one text, those included that are none */
#define CUT_BACK_BYTES 4096	  /* a value that the cut would halve goes as well */
#define MARK_BYTES 32

#define NOT(class) (SCRUB_ALL & ~(1u << SCRUB_##class))

/* Which classes are looked for, and whether names of the machine and own patterns are. */
static const struct {
	unsigned int classes;
	bool words, patterns;
} treatments[SCRUB_TREATMENTS] = {
	[SCRUB_KEEP] = {0, false, false},
	[SCRUB_TEXT] = {SCRUB_ALL, true, true},
	[SCRUB_NAME] = {NOT(arguments) & NOT(environment), true, true},
	[SCRUB_PATH] = {NOT(arguments) & NOT(environment) & NOT(query), true, true},
	[SCRUB_VERSION] = {NOT(address), true, true},
	[SCRUB_LABEL] = {NOT(user) & NOT(hostname), false, true},
};

/*
 * The stretch is taken from the text. What overlaps becomes one stretch and goes by the name of the
 * earlier rule, so that no end of a value stays. False: there are too many.
 */
static bool claim(struct scrub *s, size_t start, size_t end, const char *mark, uint64_t *count)
{
	struct scrub_claim *c = s->claims;
	size_t low = 0, high = s->n_claims, last;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (c[middle].end <= start)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < s->n_claims && c[low].start <= start && end <= c[low].end)
		return true;
	for (last = low; last < s->n_claims && c[last].start < end; last++) {
		start = c[last].start < start ? c[last].start : start;
		end = c[last].end > end ? c[last].end : end;
		if (c[last].mark && count)
			mark = c[last].mark, count = NULL;
	}
	if (last == low && s->n_claims == SCRUB_MATCHES)
		return false;
	memmove(&c[low + 1], &c[last], (s->n_claims - last) * sizeof(*c));
	s->n_claims += 1 - (last - low);
	c[low] = (struct scrub_claim){start, end, mark};
	if (count)
		++*count;
	return true;
}

/* 1 and the candidate, 0, or -E2BIG: it would be too much work. */
static int next_match(struct scrub *s, const struct scrub_compiled *c, struct scrub_match *m)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(s->match);
	int n;

	if (c->rule && c->rule->find)
		return c->rule->find(m);
	n = pcre2_match(c->code, (PCRE2_SPTR)m->text, m->len, m->start, 0, s->match, s->context);
	if (n == PCRE2_ERROR_NOMATCH)
		return 0;
	if (n < 0)
		return -E2BIG;
	/* The first group, where there is one, is what goes. */
	n = n > 1 && at[2] != PCRE2_UNSET ? 2 : 0;
	m->start = at[n];
	m->end = at[n + 1];
	return 1;
}

/*
 * What occurs in a text: a bit for each byte, and one for each three in a row, by a hash of 13
 * bits. Most rules need something that is not there; that costs less to see than to look for.
 */
struct content {
	uint64_t bytes[4], trigrams[(1 << SCRUB_TRIGRAM_BITS) / 64];
};

static void content_of(const char *text, size_t len, struct content *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < len; i++) {
		unsigned char c = text[i];

		ret->bytes[c >> 6] |= 1ull << (c & 63);
	}
	/* Any digit is a 0. */
	if (ret->bytes[0] >> '0' & 0x3ff)
		ret->bytes[0] |= 1ull << '0';
	for (size_t i = 0; i + 3 <= len; i++) {
		uint32_t at = scrub_trigram(text + i);

		ret->trigrams[at / 64] |= 1ull << at % 64;
	}
}

static bool has_bytes(const struct content *c, const char *needs)
{
	for (; *needs; needs++)
		if (!(c->bytes[*needs >> 6] >> (*needs & 63) & 1))
			return false;
	return true;
}

/* Whether one of the words may be there. */
static bool has_words(const struct content *c, const uint16_t *probes)
{
	bool none = !*probes;

	while (*probes) {
		const uint16_t *end = probes + 1 + *probes;
		bool all = true;

		for (probes++; probes < end; probes++)
			all &= c->trigrams[*probes / 64] >> *probes % 64 & 1;
		if (all)
			return true;
	}
	return none;
}

static int run_rule(struct scrub *s, struct scrub_compiled *c, const char *text, size_t len,
		    size_t *tries)
{
	struct scrub_match m = {text, len, 0, 0};
	uint64_t *count = c->rule ? &s->count[c->rule->class] : &c->count;
	const char *mark = c->rule ? c->rule->mark : c->name;
	size_t from = 0;
	int n;

	while (from < len && (m.start = from, n = next_match(s, c, &m))) {
		bool empty = m.end <= m.start;

		if (n < 0 || ++*tries > TRIES)
			return -E2BIG;
		/* What is no value may have one in it. */
		from = m.start > from ? m.start : from + 1;
		if (empty || (c->rule && c->rule->check && !c->rule->check(&m)))
			continue;
		if (!claim(s, m.start, m.end, mark, count))
			return -E2BIG;
		from = m.end > from ? m.end : from;
	}
	return 0;
}

static int run_words(struct scrub *s, const char *text, size_t len)
{
	struct scrub_match m = {text, len, 0, 0};
	enum scrub_class class;

	while (scrub_words_find(s->words, &m, &class)) {
		const char *mark = class == SCRUB_hostname ? "host" : scrub_classes[class].name;

		if (!(s->allowed & 1u << class) &&
		    !claim(s, m.start, m.end, mark, &s->count[class]))
			return -E2BIG;
		m.start = m.end;
	}
	return 0;
}

/* The end of a name that is as long as the kernel's may be. */
static int run_cut(struct scrub *s, const char *text, size_t len)
{
	struct scrub_match m = {text, len, 0, 0};
	enum scrub_class class;
	const char *mark = scrub_find_cut(&m, s->words, &class);

	/* What a rule has taken is whole. */
	if (!mark || s->allowed & 1u << class ||
	    (s->n_claims && s->claims[s->n_claims - 1].end == len))
		return 0;
	return claim(s, m.start, m.end, mark, &s->count[class]) ? 0 : -E2BIG;
}

/* What was scrubbed before is not scrubbed again. */
static int keep_marks(struct scrub *s, const char *text, size_t len)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(s->match);
	size_t from = 0;

	while (from < len &&
	       pcre2_match(s->marks, (PCRE2_SPTR)text, len, from, 0, s->match, s->context) >= 0) {
		from = at[1];
		if (!claim(s, at[0], at[1], NULL, NULL))
			return -E2BIG;
	}
	return 0;
}

static int run_all(struct scrub *s, enum scrub_treatment what, const char *text, size_t len)
{
	struct content content;
	size_t tries = 0;
	int err = 0;

	content_of(text, len, &content);
	if (has_bytes(&content, "<:>"))
		err = keep_marks(s, text, len);
	for (size_t i = 0; i < s->n_rules && !err; i++) {
		struct scrub_compiled *c = &s->rules[i];

		if (c->rule ? treatments[what].classes >> c->rule->class & 1 &&
				      has_bytes(&content, c->rule->needs) &&
				      has_words(&content, c->probes)
			    : treatments[what].patterns)
			err = run_rule(s, c, text, len, &tries);
	}
	if (!err && treatments[what].words)
		err = run_words(s, text, len);
	return !err && what == SCRUB_NAME && len == SCRUB_CUT_NAME_BYTES ? run_cut(s, text, len) :
									   err;
}

/* --- the text without them */
static int put(struct scrub *s, const char *text, size_t len)
{
	if (!len)
		return 0;
	if (s->n_out + len > s->cap_out) {
		size_t cap = 2 * (s->n_out + len) + 256;
		char *more = realloc(s->out, cap);

		if (!more)
			return -ENOMEM;
		s->out = more;
		s->cap_out = cap;
	}
	memcpy(s->out + s->n_out, text, len);
	s->n_out += len;
	return 0;
}

/* The same value in another case is the same. */
static int put_mark(struct scrub *s, const char *mark, const char *value, size_t len)
{
	char text[MARK_BYTES], lower[256];
	struct siphash h;

	siphash_init(&h, s->key);
	for (size_t at = 0; at < len; at += sizeof(lower)) {
		size_t n = len - at < sizeof(lower) ? len - at : sizeof(lower);

		for (size_t i = 0; i < n; i++)
			lower[i] = scrub_lower(value[at + i]);
		siphash_add(&h, lower, n);
	}
	int n = snprintf(text, sizeof(text), "<%s:%06llx>", mark,
			 (unsigned long long)(siphash_result(&h) & 0xffffff));

	return put(s, text, n);
}

static int put_claims(struct scrub *s, const char *text, size_t len)
{
	size_t done = 0;
	int err = 0;

	for (size_t i = 0; i < s->n_claims && !err; i++) {
		const struct scrub_claim *c = &s->claims[i];

		err = put(s, text + done, c->start - done);
		if (!err)
			err = c->mark ? put_mark(s, c->mark, text + c->start, c->end - c->start)
				      : put(s, text + c->start, c->end - c->start);
		done = c->end;
	}
	return err ? err : put(s, text + done, len - done);
}

/* A text that is too long ends at a blank: half an address isn't recognised as one. */
static size_t cut(const char *text, size_t len)
{
	size_t end = SCRUB_TEXT_BYTES, least = end - CUT_BACK_BYTES;

	if (len <= SCRUB_TEXT_BYTES)
		return len;
	while (end > least && text[end - 1] != ' ' && text[end - 1] != '\t' &&
	       text[end - 1] != '\n')
		end--;
	return end;
}

/* The rest of a private key that began in the text before. */
static int continue_key(struct scrub *s, bool follows, const char *text, size_t len)
{
	bool inside = follows && s->in_key && !(s->allowed & 1u << SCRUB_token), ended;
	size_t end;

	s->in_key = false;
	if (!inside)
		return 0;
	end = scrub_key_end(text, len, &ended);
	s->in_key = !ended;
	return !end || claim(s, 0, end, "token", &s->count[SCRUB_token]) ? 0 : -E2BIG;
}

int scrub_text(struct scrub *s, enum scrub_treatment what, bool follows, const char *text,
	       size_t len, const char **ret, size_t *ret_len)
{
	size_t used = what == SCRUB_KEEP ? len : cut(text, len);
	int err;

	*ret = text;
	*ret_len = len;
	if (what == SCRUB_KEEP)
		return 0;
	s->n_claims = s->n_out = 0;
	err = continue_key(s, follows, text, used);
	if (!err)
		err = run_all(s, what, text, used);
	s->in_key |= scrub_key_open(text, len);
	if (!err && !s->n_claims && used == len)
		return 0;
	if (err) {
		s->withheld++;
		err = put_mark(s, "withheld", text, used);
	} else {
		err = put_claims(s, text, used);
	}
	if (!err && used < len) {
		s->cut++;
		err = put(s, "[cut]", 5);
	}
	if (!err) {
		*ret = s->out;
		*ret_len = s->n_out;
	}
	return err;
}
