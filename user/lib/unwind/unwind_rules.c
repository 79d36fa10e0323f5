// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/unwind/unwind_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct unwind_rules {
	struct unwind_rule *rules;
	uint16_t *slots; /* open addressing: number + 1, 0 is free */
	uint32_t count, room, most;
	uint32_t slots_count; /* a power of two, at least twice the room */
	uint64_t refused;
	uint64_t seed;
};

/* Both halves of the product of the keyed words: who doesn't know the seed can't aim. */
static uint32_t rule_hash(const struct unwind_rules *s, const struct unwind_rule *rule)
{
	unsigned __int128 product;
	uint64_t v[2];

	memcpy(v, rule, sizeof(v));
	product = (unsigned __int128)(v[0] ^ s->seed) * (v[1] ^ ~s->seed * 0x9e3779b97f4a7c15ULL);
	v[0] = ((uint64_t)product ^ (uint64_t)(product >> 64)) * 0xbf58476d1ce4e5b9ULL;
	return (uint32_t)(v[0] >> 32);
}

/* The slot of the rule, or the free one where it belongs. */
static uint16_t *rules_slot(const struct unwind_rules *s, const struct unwind_rule *rule)
{
	uint32_t i = rule_hash(s, rule) & (s->slots_count - 1);

	while (s->slots[i] && memcmp(&s->rules[s->slots[i] - 1], rule, sizeof(*rule)) != 0)
		i = (i + 1) & (s->slots_count - 1);
	return &s->slots[i];
}

static int rules_grow(struct unwind_rules *s, uint32_t room)
{
	struct unwind_rule *rules = realloc(s->rules, room * sizeof(*rules));
	uint16_t *slots;

	if (!rules)
		return -ENOMEM;
	s->rules = rules;
	slots = calloc(room * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(s->slots);
	s->slots = slots;
	s->slots_count = room * 2;
	s->room = room;
	for (uint32_t i = 0; i < s->count; i++)
		*rules_slot(s, &s->rules[i]) = (uint16_t)(i + 1);
	return 0;
}

struct unwind_rules *unwind_rules_new(uint32_t most, uint64_t seed)
{
	static const uint8_t fixed[UNWIND_RULE_FIXED] = {
		[UNWIND_RULE_NO_FDE] = UNWIND_KIND_NO_FDE,
		[UNWIND_RULE_UNSUPPORTED] = UNWIND_KIND_UNSUPPORTED,
		[UNWIND_RULE_FULL] = UNWIND_KIND_FULL,
		[UNWIND_RULE_ROOT] = UNWIND_KIND_ROOT,
	};
	struct unwind_rules *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->seed = seed;
	s->most = most < UNWIND_RULES_MOST ? most : UNWIND_RULES_MOST;
	if (s->most < UNWIND_RULE_FIXED)
		s->most = UNWIND_RULE_FIXED;
	if (rules_grow(s, 512)) {
		unwind_rules_free(s);
		return NULL;
	}
	for (int i = 0; i < UNWIND_RULE_FIXED; i++)
		unwind_rules_add(s, &(struct unwind_rule){.kind = fixed[i]});
	return s;
}

void unwind_rules_free(struct unwind_rules *rules)
{
	if (!rules)
		return;
	free(rules->rules);
	free(rules->slots);
	free(rules);
}

uint16_t unwind_rules_add(struct unwind_rules *rules, const struct unwind_rule *rule)
{
	uint16_t *slot = rules_slot(rules, rule);

	if (*slot)
		return (uint16_t)(*slot - 1);
	if (rules->count >= rules->most ||
	    (rules->count == rules->room && rules_grow(rules, rules->room * 2))) {
		rules->refused++;
		return UNWIND_RULE_FULL;
	}
	slot = rules_slot(rules, rule);
	rules->rules[rules->count++] = *rule;
	*slot = (uint16_t)rules->count;
	return (uint16_t)(rules->count - 1);
}

const struct unwind_rule *unwind_rules_all(const struct unwind_rules *rules)
{
	return rules->rules;
}

uint32_t unwind_rules_count(const struct unwind_rules *rules)
{
	return rules->count;
}

uint64_t unwind_rules_refused(const struct unwind_rules *rules)
{
	return rules->refused;
}
