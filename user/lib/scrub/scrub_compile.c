// SPDX-License-Identifier: BSD-2-Clause
/* Rules and patterns to code, and what was counted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "user/lib/scrub/scrub_state.h"

#define MATCH_LIMIT 200000 /* steps of one match: about 2 ms */
#define HEAP_LIMIT_KIB 4096
#define JIT_STACK_BYTES (256 * 1024)

const struct scrub_class_info scrub_classes[SCRUB_CLASSES] = {
#define CLASS(name, what, example, becomes) {#name, what, example, becomes},
#include "user/lib/scrub/scrub.def"
};

int scrub_class_find(const char *name, size_t len)
{
	for (int i = 0; i < SCRUB_CLASSES; i++)
		if (!strncmp(scrub_classes[i].name, name, len) && !scrub_classes[i].name[len])
			return i;
	return -1;
}

static pcre2_code *compile(const char *pattern, uint32_t options, char *error)
{
	PCRE2_SIZE at;
	int code;
	pcre2_code *ret = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
					options | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);

	if (!ret) {
		char why[160] = "";

		pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
		snprintf(error, SCRUB_ERROR_BYTES, "%s, at position %zu of the expression", why,
			 (size_t)at);
	}
	return ret;
}

/* The name of `NAME REGEX`: its length, and where the expression begins; or 0. */
static size_t pattern_name(const char *text, const char **ret_regex)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");
	size_t blank = strspn(text + n, " \t");

	*ret_regex = text + n + blank;
	return blank && text[n + blank] && n <= SCRUB_NAME_BYTES && scrub_is_alpha(*text) ? n : 0;
}

/* 0, -EINVAL and what is wrong, or -ENOMEM. */
static int pattern_compile(const char *text, struct scrub_compiled *ret, char *error)
{
	const char *regex;
	size_t n = pattern_name(text, &regex);

	if (!n) {
		snprintf(error, SCRUB_ERROR_BYTES,
			 "allowed is NAME REGEX, the name of at most %d small letters, digits, _ "
			 "and -, as `order ORD-\\d+`",
			 SCRUB_NAME_BYTES);
		return -EINVAL;
	}
	ret->code = compile(regex, PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, error);
	memcpy(ret->name, text, n);
	ret->name[n] = '\0';
	return ret->code ? 0 : -EINVAL;
}

int scrub_pattern_check(const char *text, char error[SCRUB_ERROR_BYTES])
{
	struct scrub_compiled c = {0};
	int err = pattern_compile(text, &c, error);

	pcre2_code_free(c.code);
	return err;
}

/* A word of fewer than 3 bytes, or more words than there is room for: the rule always runs. */
static void compile_words(const char *words, uint16_t *probes)
{
	size_t at = 0;

	for (size_t n; words && *words; words += n + (words[n] == '|')) {
		size_t grams;

		n = strcspn(words, "|");
		grams = n < 3 ? 0 : n - 2 < SCRUB_PROBES_A_WORD ? n - 2 : SCRUB_PROBES_A_WORD;
		if (!grams || at + grams + 2 > SCRUB_PROBES) {
			probes[0] = 0;
			return;
		}
		probes[at++] = grams;
		for (size_t i = 0; i < grams; i++)
			probes[at++] = scrub_trigram(words + i);
	}
	probes[at] = 0;
}

static int compile_rules(struct scrub *s, const struct scrub_options *o, char *error)
{
	int err = 0;

	s->rules = calloc(scrub_n_rules + o->n_patterns, sizeof(*s->rules));
	s->marks = compile("<[a-z][a-z0-9_-]{0,15}:[0-9a-f]{6}>", 0, error);
	if (!s->rules || !s->marks)
		return -ENOMEM;
	for (size_t i = 0; i < scrub_n_rules; i++) {
		const struct scrub_rule *rule = &scrub_rules[i];
		struct scrub_compiled *c = &s->rules[s->n_rules];

		if (s->allowed & 1u << rule->class)
			continue;
		s->n_rules++;
		c->rule = rule;
		compile_words(rule->words, c->probes);
		c->code = rule->pattern ? compile(rule->pattern, 0, error) : NULL;
		if (rule->pattern && !c->code)
			return -EINVAL;
	}
	for (size_t i = 0; i < o->n_patterns && !err; i++) {
		err = pattern_compile(o->patterns[i], &s->rules[s->n_rules + i], error);
		s->n_patterns += !err;
	}
	s->n_rules += s->n_patterns;
	/* Where the system forbids memory to be written and executed, PCRE2 interprets. */
	pcre2_jit_compile(s->marks, PCRE2_JIT_COMPLETE);
	for (size_t i = 0; i < s->n_rules; i++)
		if (s->rules[i].code)
			pcre2_jit_compile(s->rules[i].code, PCRE2_JIT_COMPLETE);
	return err;
}

int scrub_new(const struct scrub_options *options, struct scrub **ret,
	      char error[SCRUB_ERROR_BYTES])
{
	struct scrub *s = calloc(1, sizeof(*s));
	int err = s ? 0 : -ENOMEM;

	*error = '\0';
	if (!err) {
		s->allowed = options->allowed & SCRUB_ALL;
		s->words = scrub_words_new(options->words, options->n_words);
		s->context = pcre2_match_context_create(NULL);
		s->match = pcre2_match_data_create(32, NULL);
		s->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_BYTES, NULL);
		err = s->words && s->context && s->match ? 0 : -ENOMEM;
	}
	if (!err) {
		pcre2_set_match_limit(s->context, MATCH_LIMIT);
		pcre2_set_depth_limit(s->context, MATCH_LIMIT);
		pcre2_set_heap_limit(s->context, HEAP_LIMIT_KIB);
		pcre2_jit_stack_assign(s->context, NULL, s->stack);
		err = compile_rules(s, options, error);
	}
	if (!err)
		err = scrub_begin(s);
	if (err) {
		if (!*error)
			snprintf(error, SCRUB_ERROR_BYTES, "%s", strerror(-err));
		scrub_free(s);
		return err;
	}
	*ret = s;
	return 0;
}

void scrub_free(struct scrub *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->rules && i < s->n_rules; i++)
		pcre2_code_free(s->rules[i].code);
	pcre2_code_free(s->marks);
	pcre2_match_context_free(s->context);
	pcre2_match_data_free(s->match);
	pcre2_jit_stack_free(s->stack);
	scrub_words_free(s->words);
	explicit_bzero(s->key, sizeof(s->key));
	free(s->rules);
	free(s->out);
	free(s);
}

int scrub_begin(struct scrub *s)
{
	if (getrandom(s->key, sizeof(s->key), 0) != sizeof(s->key))
		return -errno;
	memset(s->count, 0, sizeof(s->count));
	s->withheld = s->cut = 0;
	s->in_key = false;
	for (size_t i = 0; i < s->n_rules; i++)
		s->rules[i].count = 0;
	return 0;
}

uint64_t scrub_count(const struct scrub *s, enum scrub_class class)
{
	return s->count[class];
}

const char *scrub_pattern_count(const struct scrub *s, size_t i, uint64_t *ret)
{
	const struct scrub_compiled *c = &s->rules[s->n_rules - s->n_patterns + i];

	if (i >= s->n_patterns)
		return NULL;
	*ret = c->count;
	return c->name;
}

uint64_t scrub_withheld(const struct scrub *s)
{
	return s->withheld;
}

uint64_t scrub_cut(const struct scrub *s)
{
	return s->cut;
}

unsigned int scrub_allowed(const struct scrub *s)
{
	return s->allowed;
}
