/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the parser of lines, the table of keys and the parser of values. */
#ifndef BD_CONFIG_PRIVATE_H
#define BD_CONFIG_PRIVATE_H

#include "user/lib/config/config.h"

enum config_section {
	CONFIG_AGENT = 1,
	CONFIG_UPLOAD = 2,
	CONFIG_MACHINE = 4,
	CONFIG_CLIENT = 8,
};

enum config_type {
	CONFIG_TEXT,
	CONFIG_PATH, /* absolute, or empty where that is the default */
	CONFIG_URL,
	CONFIG_LIST,	/* a repeated key adds to it */
	CONFIG_WORDS,	/* a list of words in `allowed`, `a | b | c` */
	CONFIG_PATTERN, /* a list of NAME REGEX, see scrub.h */
	CONFIG_COUNT,	/* int64_t */
	CONFIG_SECONDS, /* uint32_t; 10s, 15m, 4h, 1d */
	CONFIG_CPUS,	/* double */
	CONFIG_SHARE,	/* double, 0 to 1; 10% */
	CONFIG_BYTES,	/* double; 256M, 1G; min and max are in MB */
	CONFIG_SET,	/* uint32_t, a bit for each of the words in `allowed`; `a, b` */
	CONFIG_AMOUNT,
	CONFIG_STATUSES, /* uint64_t[4]; `1-125,134` or none */
	CONFIG_CHOICE,	 /* int, the index of the word in `allowed` */
};

struct config_key {
	unsigned sections;
	const char *name;
	enum config_type type;
	size_t offset; /* in the struct of its section; for CONFIG_MACHINE in config_rules */
	const char *initial;
	int64_t min, max;
	const char *allowed; /* said in errors; for CONFIG_CHOICE the words, `a | b | c` */
};

extern const struct config_key config_keys[];
extern const size_t config_n_keys;

/* Whether the key may be repeated. */
static inline bool config_key_is_list(const struct config_key *key)
{
	return key->type == CONFIG_LIST || key->type == CONFIG_WORDS || key->type == CONFIG_PATTERN;
}

/* NULL if the section has no such key. */
const struct config_key *config_key_find(enum config_section section, const char *name);

/* Where the value of a key is kept in the struct of that section. */
void *config_key_place(const struct config_key *key, enum config_section section, void *base);

/* Sets the value at PLACE. 0, -EINVAL where it isn't allowed, -E2BIG for a full list, -ENOMEM. */
int config_value_set(const struct config_key *key, void *place, const char *text);
void config_value_release(const struct config_key *key, void *place);

#endif
