/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The unwind table of a binary: compiled from its `.eh_frame`, or `.debug_frame` where that is all
 * there is, into the form of bpf/unwind_abi.h. Addresses are those of the ELF file.
 *
 * Exact, with one liberty: bytes that align the next function (fewer than 16, and it is aligned to
 * 16) keep the rule of the function before them instead of a row of their own. No code runs there.
 *
 * What is in a file can be hostile. Time and memory are bounded by the size of the section, and all
 * that is left out is counted by reason.
 */
#ifndef BD_UNWIND_TABLE_H
#define BD_UNWIND_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/unwind_abi.h"
#include "user/lib/unwind/dwarf_cfi.h"
#include "user/lib/base/siphash.h"
#include "user/lib/unwind/unwind_rules.h"
#include "user/lib/unwind/unwind_walk.h"

#define UNWIND_TABLE_MOST_BYTES (64u << 20)
#define UNWIND_TABLE_MOST_RULES 4096 /* the shared ones are for all; rustc has 1,206 */

/* Why an FDE gave no rows, or not all. */
#define UNWIND_DROPS(X)                                                                            \
	X(SECTION_CUT, "section cut") /* the entries after a damaged one are lost */               \
	X(CIE, "CIE not supported")                                                                \
	X(FDE, "damaged FDE")                                                                      \
	X(OUTSIDE, "outside of code")                                                              \
	X(EMPTY, "empty")                                                                          \
	X(OVERLAP, "overlap") /* the one that begins later holds, as libgcc has it */              \
	X(PROGRAM, "damaged program")                                                              \
	X(TOO_MANY, "too many")

enum unwind_drop {
#define X(name, text) UNWIND_DROP_##name,
	UNWIND_DROPS(X)
#undef X
		UNWIND_DROP_COUNT,
};

struct unwind_build {
	uint32_t fdes;
	uint32_t rows;
	uint32_t rules;
	uint32_t drops[UNWIND_DROP_COUNT];
	uint32_t refusals[CFI_REFUSAL_COUNT]; /* rows, by why no rule can say them */
};

/* One block: the values, and behind them `head->rules` rules of the table's own. */
struct unwind_table {
	struct unwind_value *values;
	size_t bytes;
};

/*
 * From an ELF file in memory (mapped, or the vDSO's image). ret_build is filled in any case.
 * -ENOEXEC: no ELF file that we know; -ENODATA: no unwind section, or nothing in it is of use;
 * -EBADMSG: the section lies outside of the file; -E2BIG: larger than UNWIND_TABLE_MOST_BYTES, or
 * the code spans over 4 GiB; -ENOMEM.
 */
int unwind_table_build(struct unwind_table *ret_table, const void *elf, size_t bytes,
		       struct unwind_build *ret_build);
void unwind_table_release(struct unwind_table *table);

static inline struct unwind_head *unwind_table_head(const struct unwind_table *table)
{
	return (struct unwind_head *)table->values;
}

/* The view for unwind_walk(), by its own rules. Not once it is globalised. */
struct unwind_view unwind_table_view(const struct unwind_table *table);

/*
 * Whether a block that somebody else hands over (the reader child, a cache) is a table: every
 * number in it leads somewhere inside. -EBADMSG: it is not.
 */
int unwind_table_check(const void *block, size_t bytes);

/*
 * Exchanges the numbers of its own rules for those of `shared`, and takes its own away: from then
 * on only the values count. *ret_new is the first rule that `shared` did not have before: rules
 * from there on have to go to the kernel before the table does. -EALREADY: done before.
 */
int unwind_table_globalise(struct unwind_table *table, struct unwind_rules *shared,
			   uint32_t *ret_new);

/*
 * A hash of what the table would be made from: unwind section and program headers. Two files share
 * a table only where this and the build ID agree. Keyed (SipHash-2-4, 16 bytes chosen at start), so
 * that nobody can make a file that has another's. Errors as above.
 */
int unwind_table_identity(const void *elf, size_t bytes, const uint8_t key[SIPHASH_KEY_BYTES],
			  uint64_t *ret_hash);

/* Calls `fn` for each row, by address: for people. */
typedef void unwind_row_fn(void *arg, uint64_t address, uint32_t rule);
void unwind_table_rows(const struct unwind_table *table, unwind_row_fn *fn, void *arg);

const char *unwind_drop_name(enum unwind_drop drop);

#endif
