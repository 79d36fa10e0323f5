// SPDX-License-Identifier: BSD-2-Clause
/* Tables of any rows against a search through a plain list; blocks that others hand over; shared
 * rules; the identity. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/make/frame_image.h"
#include "user/lib/unwind/unwind_layout.h"
#include "user/lib/unwind/unwind_table.h"

#define BASE 0x7f0000ULL
#define RULES 300

static uint64_t seed = 88172645463325252ULL;

static uint32_t roll(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

static struct unwind_rules *rules_new(uint32_t count)
{
	struct unwind_rules *rules = unwind_rules_new(UNWIND_RULES_MOST, seed);

	assert_non_null(rules);
	while (unwind_rules_count(rules) < count)
		unwind_rules_add(rules, &(struct unwind_rule){
						.kind = UNWIND_KIND_REG,
						.cfa_off = (int32_t)unwind_rules_count(rules)});
	return rules;
}

static void assert_same(const struct unwind_view *view, const struct unwind_row *rows,
			uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t before = i ? rows[i - 1].rule : UNWIND_RULE_NO_FDE;
		uint32_t end = i + 1 < count ? rows[i + 1].offset : rows[i].offset + 1;

		assert_int_equal(unwind_view_lookup(view, BASE + rows[i].offset), rows[i].rule);
		assert_int_equal(unwind_view_lookup(view, BASE + end - 1), rows[i].rule);
		assert_int_equal(unwind_view_lookup(view, BASE + rows[i].offset - 1), before);
	}
}

struct read_back {
	const struct unwind_row *rows;
	uint32_t count, at;
};

/* unwind_table_rows() may begin a bucket with what holds already; it must leave nothing out. */
static void row_back(void *arg, uint64_t address, uint32_t rule)
{
	struct read_back *b = arg;

	assert_true(b->at < b->count);
	assert_int_equal(address, BASE + b->rows[b->at].offset);
	assert_int_equal(rule, b->rows[b->at++].rule);
}

/* Offsets that advance by 1 to `step`, now and then by a leap. */
static void check_shape(uint32_t count, uint32_t step, uint32_t leap_every, uint32_t leap)
{
	struct unwind_rules *rules = rules_new(RULES);
	struct unwind_row *rows = calloc(count, sizeof(*rows));
	struct read_back back = {rows, count, 0};
	struct unwind_table table;
	struct unwind_view view;
	uint32_t offset = roll(step);

	for (uint32_t i = 0; i < count; i++) {
		rows[i].offset = offset;
		do
			rows[i].rule = roll(RULES);
		while (rows[i].rule == (i ? rows[i - 1].rule : UNWIND_RULE_NO_FDE));
		offset += 1 + roll(step) + (roll(leap_every) ? 0 : roll(leap));
	}
	assert_int_equal(unwind_layout(BASE, EM_X86_64, rows, count, rules, &table), 0);
	assert_int_equal(unwind_table_check(table.values, table.bytes), 0);
	view = unwind_table_view(&table);
	assert_same(&view, rows, count);
	unwind_table_rows(&table, row_back, &back);
	assert_int_equal(back.at, count);
	/* no more than 4 bytes a row and what the buckets need */
	assert_true(unwind_table_head(&table)->shift <= UNWIND_SHIFT_MAX);
	unwind_table_release(&table);
	unwind_rules_free(rules);
	free(rows);
}

static void test_shapes(void **state)
{
	check_shape(1, 1, 1, 1);
	check_shape(5000, 1, 5000, 1);		/* a row a byte */
	check_shape(70000, 1, 100000, 1);	/* the same, over several 64 KiB */
	check_shape(20000, 16, 1000, 1000);	/* like code */
	check_shape(3000, 4, 500, 30 << 20);	/* clusters far apart */
	check_shape(300, 1 << 20, 10, 1 << 20); /* hardly any */
	for (int i = 0; i < 200; i++)
		check_shape(1 + roll(900), 1 + roll(300), 1 + roll(100), 1 + roll(100000));
}

/* Dense and far apart at once: small buckets all over 4 GiB would be too much. */
static void test_too_large(void **state)
{
	struct unwind_rules *rules = rules_new(RULES);
	struct unwind_row *rows = calloc(5001, sizeof(*rows));
	struct unwind_table table;

	for (uint32_t i = 0; i < 5000; i++)
		rows[i] = (struct unwind_row){i, 5 + i % 2};
	rows[5000] = (struct unwind_row){0xfffffff0, 7};
	assert_int_equal(unwind_layout(BASE, EM_X86_64, rows, 5001, rules, &table), -E2BIG);
	free(rows);
	unwind_rules_free(rules);
}

static void make_table(struct unwind_table *ret_table, const struct unwind_rules *rules)
{
	struct unwind_row rows[600];

	for (uint32_t i = 0; i < 600; i++)
		rows[i] = (struct unwind_row){i * 7 + 3, i % 2 ? UNWIND_RULE_FIXED + i % 8 : i % 4};
	assert_int_equal(unwind_layout(BASE, EM_X86_64, rows, 600, rules, ret_table), 0);
}

static void row_ignore(void *arg, uint64_t address, uint32_t rule)
{
	const struct unwind_view *view = arg;

	assert_true(rule < view->rules_count);
}

/* Each bit turned: the check says no, or all that can be done with the table stays inside of it. */
static void test_damaged_block(void **state)
{
	struct unwind_rules *rules = rules_new(12);
	struct unwind_table table, copy;
	unsigned int refused = 0, passed = 0;

	make_table(&table, rules);
	for (size_t bit = 0; bit < table.bytes * 8; bit += bit < 4096 ? 1 : 3) {
		struct unwind_rules *shared = unwind_rules_new(64, bit);
		struct unwind_view view;
		uint32_t from;

		copy = (struct unwind_table){malloc(table.bytes), table.bytes};
		memcpy(copy.values, table.values, table.bytes);
		((uint8_t *)copy.values)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (unwind_table_check(copy.values, copy.bytes)) {
			refused++;
		} else {
			passed++;
			view = unwind_table_view(&copy);
			unwind_table_rows(&copy, row_ignore, &view);
			for (uint64_t a = BASE - 8; a < BASE + 4400; a += 3)
				assert_true(unwind_view_lookup(&view, a) < view.rules_count);
			assert_int_equal(unwind_table_globalise(&copy, shared, &from), 0);
		}
		unwind_rules_free(shared);
		unwind_table_release(&copy);
	}
	/* offsets of rows and the rules' operands may change, hardly anything else */
	assert_true(refused > 500 && passed > 500);
	for (size_t cut = 0; cut < table.bytes; cut += 16)
		assert_int_equal(unwind_table_check(table.values, cut), -EBADMSG);
	unwind_table_release(&table);
	unwind_rules_free(rules);
}

static void test_globalise(void **state)
{
	struct unwind_rules *rules = rules_new(12), *shared = rules_new(6);
	struct unwind_table first, second;
	struct unwind_view own, global;
	uint32_t from, count;

	/* other numbers than the tables' own */
	unwind_rules_add(shared, &(struct unwind_rule){.kind = UNWIND_KIND_SIGNAL});
	make_table(&first, rules);
	make_table(&second, rules);
	own = unwind_table_view(&first);
	assert_int_equal(unwind_table_globalise(&second, shared, &from), 0);
	assert_int_equal(from, 7);
	count = unwind_rules_count(shared);
	assert_int_equal(count, 13);
	global = (struct unwind_view){second.values, unwind_table_head(&second)->values, count,
				      unwind_rules_all(shared)};
	for (uint64_t a = BASE; a < BASE + 4400; a++)
		assert_memory_equal(&global.rules[unwind_view_lookup(&global, a)],
				    &own.rules[unwind_view_lookup(&own, a)],
				    sizeof(struct unwind_rule));
	assert_int_equal(unwind_table_globalise(&second, shared, &from), -EALREADY);
	/* the same rules again are no news */
	assert_int_equal(unwind_table_globalise(&first, shared, &from), 0);
	assert_int_equal(from, count);
	assert_int_equal(unwind_rules_count(shared), count);
	assert_int_equal(unwind_rules_refused(shared), 0);
	unwind_table_release(&first);
	unwind_table_release(&second);
	unwind_rules_free(rules);
	unwind_rules_free(shared);
}

/* Where the shared rules are full, addresses get a rule that says so. */
static void test_rules_full(void **state)
{
	struct unwind_rules *rules = rules_new(12), *shared = unwind_rules_new(6, 9);
	struct unwind_table table;
	struct unwind_view view;
	uint32_t from, full = 0;

	make_table(&table, rules);
	assert_int_equal(unwind_table_globalise(&table, shared, &from), 0);
	assert_int_equal(unwind_rules_count(shared), 6);
	assert_int_equal(unwind_rules_refused(shared), 6);
	view = (struct unwind_view){table.values, unwind_table_head(&table)->values, 6,
				    unwind_rules_all(shared)};
	for (uint64_t a = BASE; a < BASE + 4400; a++)
		full += view.rules[unwind_view_lookup(&view, a)].kind == UNWIND_KIND_FULL;
	assert_true(full > 100 && full < 4400);
	unwind_table_release(&table);
	unwind_rules_free(rules);
	unwind_rules_free(shared);
}

/* All 65,535 of them, each found again by its number. */
static void test_many_rules(void **state)
{
	struct unwind_rules *rules = rules_new(UNWIND_RULES_MOST);
	struct unwind_rule one = {.kind = UNWIND_KIND_REG, .cfa_off = -1};

	assert_int_equal(unwind_rules_add(rules, &one), UNWIND_RULE_FULL);
	for (int32_t i = UNWIND_RULE_FIXED; i < UNWIND_RULES_MOST; i++) {
		one.cfa_off = i;
		assert_int_equal(unwind_rules_add(rules, &one), i);
	}
	unwind_rules_free(rules);
	unwind_rules_free(NULL);
}

/* The reference implementation's vectors: key 00 01 .. 0f, input 00 01 .. of that length. */
static void test_siphash(void **state)
{
	static const struct {
		size_t bytes;
		uint64_t hash;
	} vectors[] = {
		{0, 0x726fdb47dd0e0e31ULL},
		{1, 0x74f839c593dc67fdULL},
		{8, 0x93f5f5799a932462ULL},
		{15, 0xa129ca6149be45e5ULL},
	};
	uint8_t in[32];
	struct siphash h;

	for (int i = 0; i < 32; i++)
		in[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		for (size_t cut = 0; cut <= vectors[i].bytes; cut++) {
			siphash_init(&h, in);
			siphash_add(&h, in, cut);
			siphash_add(&h, in + cut, vectors[i].bytes - cut);
			assert_int_equal(siphash_result(&h), vectors[i].hash);
		}
	}
}

static uint64_t identity(const uint8_t *section, size_t section_bytes, uint8_t key, size_t flip)
{
	uint8_t keys[SIPHASH_KEY_BYTES] = {key};
	uint64_t hash = 0;
	size_t bytes = 0;
	struct frame_image *f =
		frame_image_new(EM_X86_64, ".eh_frame", section, section_bytes, &bytes);

	if (flip)
		((uint8_t *)f)[flip] ^= 1;
	assert_int_equal(unwind_table_identity(f, bytes, keys, &hash), 0);
	free(f);
	return hash;
}

static void test_identity(void **state)
{
	const size_t segment = offsetof(struct frame_image, ph) + offsetof(Elf64_Phdr, p_memsz);
	uint8_t entries[] = {16, 0,   0, 0, 0, 0,  0,  0, 1, 0,	 1, 120, 16, 12, 7,
			     8,	 144, 1, 0, 0, 20, 0,  0, 0, 24, 0, 0,	 0,  0,	 0,
			     64, 0,   0, 0, 0, 0,  64, 0, 0, 0,	 0, 0,	 0,  0};
	uint64_t first = identity(entries, sizeof(entries), 1, 0);

	assert_int_equal(identity(entries, sizeof(entries), 1, 0), first);
	assert_int_not_equal(identity(entries, sizeof(entries), 2, 0), first);
	assert_int_not_equal(identity(entries, sizeof(entries), 1, segment), first);
	/* what no table is made from doesn't count: the entry point */
	assert_int_equal(identity(entries, sizeof(entries), 1, offsetof(Elf64_Ehdr, e_entry)),
			 first);
	entries[30]++;
	assert_int_not_equal(identity(entries, sizeof(entries), 1, 0), first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),	      cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_damaged_block), cmocka_unit_test(test_globalise),
		cmocka_unit_test(test_rules_full),    cmocka_unit_test(test_many_rules),
		cmocka_unit_test(test_siphash),	      cmocka_unit_test(test_identity),
	};

	return cmocka_run_group_tests_name("unwind_layout", tests, NULL, NULL);
}
