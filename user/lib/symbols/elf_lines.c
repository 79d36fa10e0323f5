// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/symbols/elf_lines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <stdlib.h>

#define NESTING_MAX 32 /* name spaces and classes */

/* A stretch of addresses that belongs to a unit or a function. */
struct range {
	uint64_t low, high;
	Dwarf_Off die;
};

struct ranges {
	struct range *range;
	size_t n, cap;
};

struct elf_lines {
	Elf *elf, *alt_elf;
	Dwarf *dwarf, *alt;
	struct ranges units;
	struct ranges functions; /* of `unit` */
	Dwarf_Off unit;
	bool have_unit;
};

static int add_range(struct ranges *r, uint64_t low, uint64_t high, Dwarf_Off die)
{
	struct range *grown;

	if (low >= high)
		return 0;
	if (r->n >= ELF_LINES_RANGES_MAX)
		return -E2BIG;
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 256;

		grown = realloc(r->range, cap * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		r->range = grown;
		r->cap = cap;
	}
	r->range[r->n++] = (struct range){low, high, die};
	return 0;
}

static int add_die(struct ranges *r, Dwarf_Die *die)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;
	int err = 0;

	while (err == 0 && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0)
		err = add_range(r, low, high, dwarf_dieoffset(die));
	return err;
}

static int compare_range(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->high < y->high ? -1 : x->high > y->high;
}

static void sort_ranges(struct ranges *r)
{
	if (r->n)
		qsort(r->range, r->n, sizeof(*r->range), compare_range);
}

/* The range with the highest begin that holds the address; overlaps are damage, and not looked for.
 */
static const struct range *find_range(const struct ranges *r, uint64_t address)
{
	size_t low = 0, n = r->n;

	while (n > 0) {
		size_t half = n / 2;

		if (r->range[low + half].low <= address) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low > 0 && address < r->range[low - 1].high ? &r->range[low - 1] : NULL;
}

/* Not every compiler writes .debug_aranges, so the units are asked themselves. */
static int index_units(struct elf_lines *l)
{
	Dwarf_Off offset = 0, next;
	size_t header;
	Dwarf_Die die;
	int err = 0;

	while (err == 0 && dwarf_nextcu(l->dwarf, offset, &next, &header, NULL, NULL, NULL) == 0) {
		if (dwarf_offdie(l->dwarf, offset + header, &die))
			err = add_die(&l->units, &die);
		if (next <= offset)
			break;
		offset = next;
	}
	sort_ranges(&l->units);
	return err == -ENOMEM ? err : 0;
}

int elf_lines_open(int fd, int alt_fd, struct elf_lines **ret)
{
	struct elf_lines *l = calloc(1, sizeof(*l));
	int err = -ENOENT;

	if (!l)
		return -ENOMEM;
	elf_version(EV_CURRENT);
	l->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (l->elf)
		l->dwarf = dwarf_begin_elf(l->elf, DWARF_C_READ, NULL);
	if (l->dwarf && alt_fd >= 0) {
		l->alt_elf = elf_begin(alt_fd, ELF_C_READ_MMAP, NULL);
		l->alt = l->alt_elf ? dwarf_begin_elf(l->alt_elf, DWARF_C_READ, NULL) : NULL;
		if (l->alt)
			dwarf_setalt(l->dwarf, l->alt);
	}
	if (l->dwarf)
		err = index_units(l);
	if (err == 0 && l->units.n == 0)
		err = -ENOENT;
	if (err < 0) {
		elf_lines_free(l);
		return err;
	}
	*ret = l;
	return 0;
}

void elf_lines_free(struct elf_lines *l)
{
	if (!l)
		return;
	dwarf_end(l->dwarf);
	dwarf_end(l->alt);
	elf_end(l->elf);
	elf_end(l->alt_elf);
	free(l->units.range);
	free(l->functions.range);
	free(l);
}

static bool holds_functions(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_structure_type ||
	       tag == DW_TAG_class_type || tag == DW_TAG_union_type || tag == DW_TAG_module ||
	       tag == DW_TAG_interface_type;
}

/* Functions below a unit; Rust's are in the name spaces and types that they belong to. */
static int index_functions(struct elf_lines *l, Dwarf_Die *unit)
{
	Dwarf_Die stack[NESTING_MAX];
	int depth = 0, err = 0;

	l->functions.n = 0;
	if (dwarf_child(unit, &stack[0]) != 0)
		return 0;
	while (depth >= 0 && err == 0) {
		Dwarf_Die *die = &stack[depth];
		int tag = dwarf_tag(die);

		if (tag == DW_TAG_subprogram)
			err = add_die(&l->functions, die);
		if (holds_functions(tag) && depth + 1 < NESTING_MAX &&
		    dwarf_child(die, &stack[depth + 1]) == 0) {
			depth++;
			continue;
		}
		while (depth >= 0 && dwarf_siblingof(&stack[depth], &stack[depth]) != 0)
			depth--;
	}
	sort_ranges(&l->functions);
	return err;
}

/* The unit and the function that hold an address. */
static bool find_function(struct elf_lines *l, uint64_t address, Dwarf_Die *ret_unit,
			  Dwarf_Die *ret_function, uint64_t *ret_start)
{
	const struct range *unit = find_range(&l->units, address), *function;

	if (!unit || !dwarf_offdie(l->dwarf, unit->die, ret_unit))
		return false;
	if (!l->have_unit || l->unit != unit->die) {
		l->have_unit = true;
		l->unit = unit->die;
		index_functions(l, ret_unit);
	}
	function = find_range(&l->functions, address);
	if (!function || !dwarf_offdie(l->dwarf, function->die, ret_function))
		return false;
	*ret_start = function->low;
	return true;
}

/* The child of `die` that holds the address and can hold inlined functions, or is one. */
static bool step_inside(Dwarf_Die *die, uint64_t address, unsigned *visited, Dwarf_Die *ret)
{
	Dwarf_Die child;
	int more = dwarf_child(die, &child);

	for (; more == 0; more = dwarf_siblingof(&child, &child)) {
		int tag = dwarf_tag(&child);

		if (++*visited > ELF_LINES_DIES_MAX)
			return false;
		if ((tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine ||
		     tag == DW_TAG_try_block || tag == DW_TAG_catch_block) &&
		    dwarf_haspc(&child, address) > 0) {
			*ret = child;
			return true;
		}
	}
	return false;
}

static const char *name_of(Dwarf_Die *die)
{
	static const unsigned names[] = {DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name};
	Dwarf_Attribute attribute;

	for (int i = 0; i < 3; i++)
		if (dwarf_attr_integrate(die, names[i], &attribute))
			return dwarf_formstring(&attribute);
	return NULL;
}

static void call_site(Dwarf_Die *unit, Dwarf_Die *inlined, struct elf_lines_frame *caller)
{
	Dwarf_Attribute attribute;
	Dwarf_Word file, line;
	Dwarf_Files *files;
	size_t n;

	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) == 0)
		caller->line = (uint32_t)line;
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) == 0 &&
	    dwarf_getsrcfiles(unit, &files, &n) == 0 && file < n)
		caller->file = dwarf_filesrc(files, file, NULL, NULL);
}

static void line_of(Dwarf_Die *unit, uint64_t address, struct elf_lines_frame *frame)
{
	Dwarf_Line *row = dwarf_getsrc_die(unit, address);
	int line;

	if (!row)
		return;
	if (dwarf_lineno(row, &line) == 0 && line > 0)
		frame->line = (uint32_t)line;
	frame->file = dwarf_linesrc(row, NULL, NULL);
}

int elf_lines_find(struct elf_lines *l, uint64_t address, struct elf_lines_frame *ret)
{
	Dwarf_Die chain[ELF_LINES_DEPTH_MAX + 1], unit, die;
	unsigned visited = 0;
	uint64_t start;
	int n = 1;

	if (!find_function(l, address, &unit, &chain[0], &start))
		return 0;
	/* From outside in; then turned round. */
	die = chain[0];
	while (n <= ELF_LINES_DEPTH_MAX && step_inside(&die, address, &visited, &die))
		if (dwarf_tag(&die) == DW_TAG_inlined_subroutine)
			chain[n++] = die;
	for (int i = 0; i < n; i++)
		ret[i] = (struct elf_lines_frame){.name = name_of(&chain[n - 1 - i]),
						  .inlined = i < n - 1};
	ret[n - 1].start = start;
	line_of(&unit, address, &ret[0]);
	for (int i = 0; i + 1 < n; i++)
		call_site(&unit, &chain[n - 1 - i], &ret[i + 1]);
	return n;
}
