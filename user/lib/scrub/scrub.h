/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes personal data out of texts: a value becomes `<ip:1f3a52>`, the kind and a short keyed hash,
 * so that lines can still be correlated within one report, and with nothing else.
 *
 * Classes are the rows of scrub.def, each with a switch. Rules that recognise them are the rows of
 * scrub_rules.c: PCRE2, compiled by its JIT where the system lets it, with limits on the work of a
 * match. A text in which a limit is met is withheld as a whole. Where it is in doubt whether
 * something is personal, it is taken out; docs/privacy.md says what is kept because it only looks
 * alike.
 */
#ifndef BD_SCRUB_H
#define BD_SCRUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scrub_class {
#define CLASS(name, what, example, becomes) SCRUB_##name,
#include "user/lib/scrub/scrub.def"
	SCRUB_CLASSES
};

struct scrub_class_info {
	const char *name, *what, *example, *becomes;
};
extern const struct scrub_class_info scrub_classes[SCRUB_CLASSES];
/* The class of that name (`len` bytes), or -1. */
int scrub_class_find(const char *name, size_t len);

#define SCRUB_TEXT_BYTES 32768 /* of a longer text the rest is cut off */
#define SCRUB_MATCHES 1024     /* a text with more is withheld */
#define SCRUB_ERROR_BYTES 256

/* What a text is, and so which classes are looked for in it. */
enum scrub_treatment {
	SCRUB_KEEP,    /* as it is: function names, build IDs, what the operator wrote */
	SCRUB_TEXT,    /* free text, as a line of a log: everything */
	SCRUB_NAME,    /* of a process or thread: no arguments, no environment */
	SCRUB_PATH,    /* of a file: dotted numbers that are a component of it are versions */
	SCRUB_VERSION, /* dotted numbers are no addresses */
	SCRUB_LABEL,   /* configured names: values by their form alone, no names of this machine */
	SCRUB_TREATMENTS
};

/* A name of this machine or of its users. Of fewer than 3 bytes, or common: see
 * scrub_word_counts(). */
struct scrub_word {
	enum scrub_class class;
	const char *text;
};

struct scrub_options {
	unsigned int allowed; /* bits 1 << SCRUB_…: classes that are left as they are */
	const struct scrub_word *words;
	size_t n_words;
	const char *const *patterns; /* `NAME REGEX` of the configuration */
	size_t n_patterns;
};

struct scrub;

/* Compiles the rules; nothing of `options` is kept. 0, -EINVAL (a pattern) with a line in `error`,
 * -ENOMEM, or -errno of getrandom(2). */
int scrub_new(const struct scrub_options *options, struct scrub **ret,
	      char error[SCRUB_ERROR_BYTES]);
void scrub_free(struct scrub *s);

/* A new random key and counts of zero: for the next report. 0 or -errno. */
int scrub_begin(struct scrub *s);

/*
 * The text without what is personal: RET is TEXT itself where nothing was, or else belongs to `s`
 * until the next call; at most 64 KiB. Bytes that are not UTF-8 are let through. A private key that
 * began in the text before (`BEGIN … PRIVATE KEY`) goes on in this one when `follows` is set.
 * 0 or -ENOMEM.
 */
int scrub_text(struct scrub *s, enum scrub_treatment what, bool follows, const char *text,
	       size_t len, const char **ret, size_t *ret_len);

/* How many values were taken out since scrub_begin(). */
uint64_t scrub_count(const struct scrub *s, enum scrub_class class);
/* The same for patterns of the configuration, whose names begin at 0; NULL past the last. */
const char *scrub_pattern_count(const struct scrub *s, size_t i, uint64_t *ret);
/* Texts that were withheld because a rule met a limit, and those that were cut. */
uint64_t scrub_withheld(const struct scrub *s);
uint64_t scrub_cut(const struct scrub *s);
unsigned int scrub_allowed(const struct scrub *s);

/* Whether a name is long and special enough to be looked for: `root` and `test` name nobody. */
bool scrub_word_counts(const char *text);
/* Whether `NAME REGEX` is a pattern. 0, or -EINVAL and what is wrong with it. */
int scrub_pattern_check(const char *text, char error[SCRUB_ERROR_BYTES]);

#endif
