/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of unwind rules, each with a number: those of one table while it is built, and the ones
 * that all tables share. A number never changes and nothing is taken out: real programs have some
 * hundred rules each and most of them in common.
 */
#ifndef BD_UNWIND_RULES_H
#define BD_UNWIND_RULES_H

#include <stdint.h>

#include "bpf/unwind_abi.h"

#define UNWIND_RULES_MOST 65535

struct unwind_rules;

/*
 * With the UNWIND_RULE_FIXED rules in it; room for `most` (at most UNWIND_RULES_MOST). `seed` is of
 * the hash: a random one where the rules of files that nobody vouches for come together, so that
 * none is made of rules that all collide. NULL: no memory.
 */
struct unwind_rules *unwind_rules_new(uint32_t most, uint64_t seed);
void unwind_rules_free(struct unwind_rules *rules);

/* The number of a rule, new or not. UNWIND_RULE_FULL where there is no room (counted) or memory. */
uint16_t unwind_rules_add(struct unwind_rules *rules, const struct unwind_rule *rule);

/* All rules by number; valid until the next is added. */
const struct unwind_rule *unwind_rules_all(const struct unwind_rules *rules);
uint32_t unwind_rules_count(const struct unwind_rules *rules);
uint64_t unwind_rules_refused(const struct unwind_rules *rules);

#endif
