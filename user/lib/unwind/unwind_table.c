// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/unwind/unwind_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/unwind/unwind_fdes.h"
#include "user/lib/unwind/unwind_frames.h"
#include "user/lib/unwind/unwind_layout.h"
#include "user/lib/unwind/unwind_plt.h"
#include "user/lib/unwind/unwind_stub.h"

#define MOST_ROWS (UNWIND_TABLE_MOST_BYTES / 4)
#define STUBS_WITHIN 4096 /* bytes of code without entries: more is a library of its own ways */

static const char *const drop_names[] = {
#define X(name, text) [UNWIND_DROP_##name] = text,
	UNWIND_DROPS(X)
#undef X
};

const char *unwind_drop_name(enum unwind_drop drop)
{
	return drop < UNWIND_DROP_COUNT ? drop_names[drop] : "unknown";
}

struct compile {
	struct unwind_fdes fdes;
	struct unwind_rules *rules;
	struct unwind_build *build;
	struct unwind_row *rows;
	uint32_t count, room;
	int err;
	bool signal;  /* of the FDE at hand */
	uint32_t gap; /* the rule of code without an FDE */
};

static int rows_grow(struct compile *c)
{
	uint32_t room = c->room ? c->room * 2 : 4096;
	struct unwind_row *rows;

	if (room > MOST_ROWS)
		return -E2BIG;
	rows = reallocarray(c->rows, room, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	c->rows = rows;
	c->room = room;
	return 0;
}

/* Offsets never go down. What holds for no byte, and what says nothing new, is no row. */
static void row_add(struct compile *c, uint32_t offset, uint32_t rule)
{
	if (c->count && c->rows[c->count - 1].offset == offset)
		c->count--;
	if (c->count && c->rows[c->count - 1].rule == rule)
		return;
	if (c->count == c->room && !c->err)
		c->err = rows_grow(c);
	if (c->err)
		return;
	c->rows[c->count++] = (struct unwind_row){offset, rule};
}

static void row_emit(void *arg, uint64_t address, const struct cfi_state *state)
{
	struct compile *c = arg;
	struct unwind_rule rule;
	enum cfi_refusal refusal = CFI_REFUSAL_PROGRAM;
	uint32_t n = UNWIND_RULE_UNSUPPORTED;

	if (state)
		refusal = cfi_rule(c->fdes.image.head.e_machine, state, c->signal, &rule);
	if (refusal)
		c->build->refusals[refusal]++;
	else
		n = unwind_rules_add(c->rules, &rule);
	row_add(c, (uint32_t)(address - c->fdes.base), n);
}

/* Bytes that align a function of a compiler are no gap. */
static bool is_padding(uint32_t from, uint32_t to)
{
	return to - from < 16 && !(to & 15);
}

static void compile_fde(struct compile *c, const struct unwind_fde *fde, uint32_t end)
{
	const struct unwind_cie *cie;
	struct eh_fde in;

	if (fde->cie >= UNWIND_CIE_FIXED) {
		row_add(c, fde->offset, fde->cie - UNWIND_CIE_FIXED);
		return;
	}
	cie = &c->fdes.cies[fde->cie];
	in.start = c->fdes.base + fde->offset;
	in.bytes = end - fde->offset;
	in.program = c->fdes.frame.section.data + fde->program;
	in.program_bytes = fde->program_bytes;
	c->signal = cie->cie.signal;
	if (cfi_run(c->fdes.image.head.e_machine, &cie->cie, &cie->initial, &in, c->fdes.base + end,
		    row_emit, c))
		c->build->drops[UNWIND_DROP_PROGRAM]++;
}

/* A function that has no entry, but can be told by its bytes. */
static void stub_add(struct compile *c, uint32_t at, uint32_t bytes)
{
	struct unwind_rule rule = {.kind = UNWIND_KIND_REG, .cfa_reg = UNWIND_X86_RSP, .ra = -1};

	rule.cfa_off = 8;
	row_add(c, at, unwind_rules_add(c->rules, &rule));
	rule.cfa_off = 16;
	row_add(c, at + UNWIND_STUB_IN, unwind_rules_add(c->rules, &rule));
	row_add(c, at + bytes, c->gap);
}

/* Code between two entries. */
static void gap_add(struct compile *c, uint32_t from, uint32_t to)
{
	uint64_t address = (c->fdes.base + from + 15) & ~15ULL, end = c->fdes.base + to;
	struct elf_section s;

	row_add(c, from, c->gap);
	if (c->fdes.image.head.e_machine != EM_X86_64 || to - from > STUBS_WITHIN)
		return;
	for (; address < end && !elf_view_at(&c->fdes.image, address, &s); address += 16) {
		uint64_t left = s.bytes < end - address ? s.bytes : end - address;
		uint32_t bytes = unwind_stub_bytes(s.data, left);

		if (bytes)
			stub_add(c, (uint32_t)(address - c->fdes.base), bytes);
	}
}

/* Behind the last byte of code. */
static uint32_t code_end(const struct compile *c)
{
	uint64_t end = 0;

	for (unsigned int i = 0; i < c->fdes.image.code_count; i++)
		if (c->fdes.image.code[i].end - c->fdes.base > end)
			end = c->fdes.image.code[i].end - c->fdes.base;
	return end < UINT32_MAX ? (uint32_t)end : UINT32_MAX;
}

/* Where two overlap the one that begins later holds, as it does for whoever searches by start. */
static void compile_rows(struct compile *c)
{
	uint32_t end = 0;

	if (c->gap != UNWIND_RULE_NO_FDE)
		row_add(c, 0, c->gap);
	for (uint32_t i = 0; i < c->fdes.count && !c->err; i++) {
		const struct unwind_fde *fde = unwind_fdes_at(&c->fdes, i);

		if (i && unwind_fdes_at(&c->fdes, i - 1)->offset == fde->offset) {
			c->build->drops[UNWIND_DROP_OVERLAP]++;
			continue;
		}
		if (i && end < fde->offset && !is_padding(end, fde->offset))
			gap_add(c, end, fde->offset);
		end = fde->offset + fde->bytes;
		for (uint32_t j = i + 1; j < c->fdes.count; j++) {
			uint32_t next = unwind_fdes_at(&c->fdes, j)->offset;

			if (next == fde->offset)
				continue;
			if (next < end) {
				c->build->drops[UNWIND_DROP_OVERLAP]++;
				end = next;
			}
			break;
		}
		compile_fde(c, fde, end);
	}
	if (c->fdes.count)
		row_add(c, end, c->gap);
	if (c->gap != UNWIND_RULE_NO_FDE)
		row_add(c, code_end(c), UNWIND_RULE_NO_FDE);
}

int unwind_table_build(struct unwind_table *ret_table, const void *elf, size_t bytes,
		       struct unwind_build *ret_build)
{
	struct compile c = {.build = ret_build};
	int err;

	memset(ret_build, 0, sizeof(*ret_build));
	c.rules = unwind_rules_new(UNWIND_TABLE_MOST_RULES, 0);
	if (!c.rules)
		return -ENOMEM;
	err = unwind_fdes_read(&c.fdes, elf, bytes, c.rules, ret_build);
	if (!err) {
		if (unwind_frames_find(&c.fdes))
			c.gap = unwind_rules_add(
				c.rules, &(struct unwind_rule){.kind = UNWIND_KIND_FRAMES});
		compile_rows(&c);
		err = c.err;
	}
	if (!err && !c.count)
		err = -ENODATA;
	if (!err)
		err = unwind_layout(c.fdes.base, c.fdes.image.head.e_machine, c.rows, c.count,
				    c.rules, ret_table);
	ret_build->rows = c.count;
	ret_build->rules = unwind_rules_count(c.rules);
	unwind_fdes_release(&c.fdes);
	unwind_rules_free(c.rules);
	free(c.rows);
	return err;
}

void unwind_table_release(struct unwind_table *table)
{
	free(table->values);
	memset(table, 0, sizeof(*table));
}

/* Sections come with their sizes, so that two can't be cut differently into one hash. */
static void hash_section(struct siphash *h, uint64_t kind, const void *data, uint64_t bytes)
{
	siphash_add(h, &kind, sizeof(kind));
	siphash_add(h, &bytes, sizeof(bytes));
	siphash_add(h, data, bytes);
}

int unwind_table_identity(const void *elf, size_t bytes, const uint8_t key[SIPHASH_KEY_BYTES],
			  uint64_t *ret_hash)
{
	struct elf_view image;
	struct eh_frame frame;
	struct siphash h;
	int err = elf_view_init(&image, elf, bytes);

	if (!err)
		err = unwind_fdes_section(&image, &frame);
	if (err)
		return err;
	siphash_init(&h, key);
	hash_section(&h, frame.debug_frame, frame.section.data, frame.section.bytes);
	siphash_add(&h, &frame.section.address, sizeof(frame.section.address));
	siphash_add(&h, &image.head.e_machine, sizeof(image.head.e_machine));
	for (unsigned int i = 0; i < image.head.e_phnum; i++) {
		Elf64_Phdr ph;

		if (!elf_view_phdr(&image, i, &ph))
			break;
		siphash_add(&h, &ph, sizeof(ph));
	}
	unwind_plt_hash(&image, &h);
	*ret_hash = siphash_result(&h);
	return 0;
}
