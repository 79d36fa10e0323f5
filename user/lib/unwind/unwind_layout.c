// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/unwind/unwind_layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_A_BUCKET 32    /* most, on average */
#define FREE_BUCKETS 131072 /* 1 MB: whatever the number of rows */

struct plan {
	const struct unwind_row *rows;
	uint32_t count;
	uint32_t shift;
	uint32_t buckets;
	uint64_t words;
};

/* The row at the first byte of a bucket goes to its directory entry. */
static uint32_t bucket_skips(const struct plan *p, uint32_t row, uint32_t bucket)
{
	return row < p->count && p->rows[row].offset == bucket << p->shift;
}

static uint32_t bucket_end(const struct plan *p, uint32_t row, uint32_t bucket)
{
	while (row < p->count && p->rows[row].offset >> p->shift == bucket)
		row++;
	return row;
}

/* Where the rows of a bucket go: they don't straddle a value. */
static uint64_t place(uint64_t words, uint32_t count)
{
	uint64_t left = UNWIND_VALUE_WORDS - words % UNWIND_VALUE_WORDS;

	return count > left ? words + left : words;
}

/* 0, or -EAGAIN: a bucket would have too many rows. */
static int plan_measure(struct plan *p, uint32_t shift)
{
	uint32_t row = 0;

	p->shift = shift;
	p->buckets = (p->rows[p->count - 1].offset >> shift) + 1;
	p->words = UNWIND_HEAD_WORDS + 2ULL * p->buckets;
	while (row < p->count) {
		uint32_t b = p->rows[row].offset >> shift, end = bucket_end(p, row, b);
		uint32_t n = end - row - bucket_skips(p, row, b);

		if (n > UNWIND_BUCKET_ROWS)
			return -EAGAIN;
		p->words = place(p->words, n) + n;
		row = end;
	}
	return 0;
}

static int plan_choose(struct plan *p)
{
	uint64_t span = (uint64_t)p->rows[p->count - 1].offset + 1;
	uint32_t shift = UNWIND_SHIFT_MAX;
	int err;

	while (shift > UNWIND_SHIFT_MIN && (uint64_t)p->count << shift > span * ROWS_A_BUCKET)
		shift--;
	/* at UNWIND_SHIFT_MIN a bucket has no room for too many */
	while ((err = plan_measure(p, shift)) == -EAGAIN && shift > UNWIND_SHIFT_MIN)
		shift--;
	/* a few rows that are dense in one place and far away in another would be all directory */
	if (!err && (p->words > UNWIND_TABLE_MOST_BYTES / 4 ||
		     (p->buckets > FREE_BUCKETS && p->buckets / 4 > p->count)))
		err = -E2BIG;
	return err;
}

static void fill(const struct plan *p, struct unwind_value *values)
{
	uint32_t *word = values->word, row = 0, rule = UNWIND_RULE_NO_FDE;
	struct unwind_bucket *dir = (void *)(word + UNWIND_HEAD_WORDS);
	uint64_t at = UNWIND_HEAD_WORDS + 2ULL * p->buckets;

	for (uint32_t b = 0; b < p->buckets; b++) {
		uint32_t end = bucket_end(p, row, b);

		if (bucket_skips(p, row, b))
			rule = p->rows[row++].rule;
		dir[b].rule = (uint16_t)rule;
		dir[b].count = (uint16_t)(end - row);
		at = place(at, end - row);
		dir[b].first = end > row ? (uint32_t)at : 0;
		for (; row < end; row++) {
			rule = p->rows[row].rule;
			word[at++] = (p->rows[row].offset & 0xffff) << 16 | rule;
		}
	}
}

int unwind_layout(uint64_t base, uint16_t machine, const struct unwind_row *rows, uint32_t count,
		  const struct unwind_rules *rules, struct unwind_table *ret_table)
{
	struct plan p = {.rows = rows, .count = count};
	struct unwind_value *values;
	uint32_t values_count, rules_count = unwind_rules_count(rules);
	size_t bytes;
	int err = plan_choose(&p);

	if (err)
		return err;
	values_count = (uint32_t)((p.words + UNWIND_VALUE_WORDS - 1) / UNWIND_VALUE_WORDS);
	bytes = (size_t)values_count * sizeof(*values) + rules_count * sizeof(struct unwind_rule);
	values = calloc(1, bytes);
	if (!values)
		return -ENOMEM;
	*(struct unwind_head *)values = (struct unwind_head){
		.base = base,
		.magic = UNWIND_MAGIC,
		.shift = p.shift,
		.buckets = p.buckets,
		.values = values_count,
		.rows = count,
		.rules = rules_count,
		.machine = machine,
	};
	fill(&p, values);
	memcpy(values + values_count, unwind_rules_all(rules),
	       rules_count * sizeof(struct unwind_rule));
	*ret_table = (struct unwind_table){values, bytes};
	return 0;
}
