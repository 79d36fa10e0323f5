// SPDX-License-Identifier: BSD-2-Clause
/* A table that is there already: checked, exchanged numbers, read out. */
#include <errno.h>
#include <stdlib.h>

#include "user/lib/unwind/unwind_table.h"

static const struct unwind_rule *table_rules(const struct unwind_head *head)
{
	return (const void *)((const struct unwind_value *)head + head->values);
}

struct unwind_view unwind_table_view(const struct unwind_table *table)
{
	const struct unwind_head *head = unwind_table_head(table);

	return (struct unwind_view){table->values, head->values, head->rules, table_rules(head)};
}

static const struct unwind_bucket *table_buckets(const struct unwind_head *head)
{
	return (const void *)((const uint32_t *)head + UNWIND_HEAD_WORDS);
}

/* Rows belong to one bucket each, and *from is where those of the next one can begin: to exchange
 * a number twice would lead outside. */
static bool check_bucket(const struct unwind_head *head, const struct unwind_bucket *b,
			 uint64_t *from)
{
	const uint32_t *word = (const uint32_t *)head;
	uint32_t at = b->first % UNWIND_VALUE_WORDS;

	if (b->rule >= head->rules || b->count > UNWIND_BUCKET_ROWS)
		return false;
	if (!b->count)
		return true;
	if (b->first / UNWIND_VALUE_WORDS >= head->values || at + b->count > UNWIND_VALUE_WORDS ||
	    b->first < *from)
		return false;
	*from = (uint64_t)b->first + b->count;
	for (uint32_t i = 0; i < b->count; i++)
		if ((word[b->first + i] & 0xffff) >= head->rules ||
		    (i && word[b->first + i - 1] >> 16 >= word[b->first + i] >> 16))
			return false;
	return true;
}

int unwind_table_check(const void *block, size_t bytes)
{
	const struct unwind_head *head = block;
	const struct unwind_rule *rules;
	uint64_t from;

	if (bytes < sizeof(struct unwind_value) || head->magic != UNWIND_MAGIC || !head->values ||
	    head->rules < UNWIND_RULE_FIXED || head->rules > UNWIND_TABLE_MOST_RULES ||
	    head->shift < UNWIND_SHIFT_MIN || head->shift > UNWIND_SHIFT_MAX ||
	    head->base & ((1u << UNWIND_SHIFT_MAX) - 1) ||
	    (head->machine != EM_X86_64 && head->machine != EM_AARCH64) ||
	    head->values > UNWIND_TABLE_MOST_BYTES / UNWIND_VALUE_BYTES + 1 ||
	    bytes != (uint64_t)head->values * UNWIND_VALUE_BYTES +
			     (uint64_t)head->rules * sizeof(struct unwind_rule) ||
	    UNWIND_HEAD_WORDS + 2 * (uint64_t)head->buckets >
		    (uint64_t)head->values * UNWIND_VALUE_WORDS)
		return -EBADMSG;
	rules = table_rules(head);
	for (uint32_t i = 0; i < head->rules; i++)
		if (rules[i].kind >= UNWIND_KIND_COUNT || rules[i].cfa_reg >= UNWIND_REGS)
			return -EBADMSG;
	from = UNWIND_HEAD_WORDS + 2 * (uint64_t)head->buckets;
	for (uint32_t i = 0; i < head->buckets; i++)
		if (!check_bucket(head, &table_buckets(head)[i], &from))
			return -EBADMSG;
	return 0;
}

int unwind_table_globalise(struct unwind_table *table, struct unwind_rules *shared,
			   uint32_t *ret_new)
{
	struct unwind_head *head = unwind_table_head(table);
	struct unwind_bucket *b = (struct unwind_bucket *)table_buckets(head);
	uint32_t *word = table->values->word;
	uint16_t *number;

	if (!head->rules)
		return -EALREADY;
	number = reallocarray(NULL, head->rules, sizeof(*number));
	if (!number)
		return -ENOMEM;
	*ret_new = unwind_rules_count(shared);
	for (uint32_t i = 0; i < head->rules; i++)
		number[i] = unwind_rules_add(shared, &table_rules(head)[i]);
	for (uint32_t i = 0; i < head->buckets; i++) {
		b[i].rule = number[b[i].rule];
		for (uint32_t j = 0; j < b[i].count; j++) {
			uint32_t *row = &word[b[i].first + j];

			*row = (*row & 0xffff0000) | number[*row & 0xffff];
		}
	}
	free(number);
	head->rules = 0;
	table->bytes = (size_t)head->values * sizeof(*table->values);
	return 0;
}

void unwind_table_rows(const struct unwind_table *table, unwind_row_fn *fn, void *arg)
{
	const struct unwind_head *head = unwind_table_head(table);
	const struct unwind_bucket *b = table_buckets(head);
	uint32_t last = UNWIND_RULE_NO_FDE;

	for (uint32_t i = 0; i < head->buckets; i++) {
		uint64_t start = head->base + ((uint64_t)i << head->shift);

		if (b[i].rule != last)
			fn(arg, start, b[i].rule);
		last = b[i].rule;
		for (uint32_t j = 0; j < b[i].count; j++) {
			uint32_t row = table->values->word[b[i].first + j];

			fn(arg, (start & ~0xffffULL) | row >> 16, row & 0xffff);
			last = row & 0xffff;
		}
	}
}
