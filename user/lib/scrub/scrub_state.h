/* SPDX-License-Identifier: BSD-2-Clause */
/* What a struct scrub is: scrub_compile.c makes it, scrub.c runs it over texts. */
#ifndef BD_SCRUB_STATE_H
#define BD_SCRUB_STATE_H

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>

#include "user/lib/scrub/scrub_private.h"
#include "user/lib/base/siphash.h"

#define SCRUB_NAME_BYTES 16
#define SCRUB_ALL ((1u << SCRUB_CLASSES) - 1)

/* Of three bytes in a row, in any case: which bit of a text stands for them. */
#define SCRUB_TRIGRAM_BITS 13
static inline uint32_t scrub_trigram(const char *text)
{
	uint32_t three = scrub_lower((unsigned char)text[0]) |
			 scrub_lower((unsigned char)text[1]) << 8 |
			 scrub_lower((unsigned char)text[2]) << 16;

	return three * 0x9e3779b1u >> (32 - SCRUB_TRIGRAM_BITS);
}

/* A rule's words: of each how many trigrams are looked at, and these; 0 at the end. */
#define SCRUB_PROBES 192
#define SCRUB_PROBES_A_WORD 4

/* What is compiled: a rule of ours, or a pattern of the configuration. */
struct scrub_compiled {
	const struct scrub_rule *rule; /* NULL of a pattern */
	char name[SCRUB_NAME_BYTES + 1];
	pcre2_code *code;
	uint16_t probes[SCRUB_PROBES]; /* of the rule's words; none: it always runs */
	uint64_t count;
};

/* A stretch of a text that goes. A mark that was there before is kept as it is. */
struct scrub_claim {
	size_t start, end;
	const char *mark; /* NULL: kept */
};

struct scrub {
	unsigned int allowed;
	struct scrub_words *words;
	struct scrub_compiled *rules;
	size_t n_rules, n_patterns; /* patterns are the last ones of `rules` */
	pcre2_code *marks;	    /* what a mark looks like */
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	pcre2_match_data *match;
	uint8_t key[SIPHASH_KEY_BYTES];
	uint64_t count[SCRUB_CLASSES], withheld, cut;
	bool in_key; /* the last text ended inside a private key */
	struct scrub_claim claims[SCRUB_MATCHES];
	size_t n_claims;
	char *out;
	size_t n_out, cap_out;
};

#endif
