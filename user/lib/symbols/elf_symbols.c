// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/symbols/elf_symbols.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/symbols/addresses.h"

#define CHUNK_BYTES 65536

enum {
	RANK_FOUND = 1,
	RANK_LOCAL = 2, /* not weak */
	RANK_GLOBAL = 4,
	RANK_FUNCTION = 8,
};

/* One pass. `edge` is the symbol with the highest start at or below an address: it says how far one
 * without a size reaches. */
struct search {
	const struct elf_image *e;
	const uint64_t *addresses;
	size_t n;
	struct elf_symbol *sized, *edge;
	uint64_t *edge_end; /* end of the edge's section */
	uint64_t names, names_limit;
	uint64_t work;
};

int elf_symbols_name(const struct elf_image *e, const struct elf_symbol *s, char *buf, size_t size)
{
	int len = elf_image_text(e, s->name, s->name_limit, buf, size);
	char *version;

	if (len <= 0)
		return len;
	/* The first character may be an @ (it is in some assemblers' labels). */
	version = strchr(buf + 1, '@');
	if (version) {
		*version = '\0';
		len = (int)(version - buf);
	}
	return len;
}

/* Of two aliases with the same start and rank. */
static bool better_name(const struct elf_image *e, const struct elf_symbol *a,
			const struct elf_symbol *b)
{
	char one[256], other[256];
	int len_a = elf_symbols_name(e, a, one, sizeof(one));
	int len_b = elf_symbols_name(e, b, other, sizeof(other));
	size_t under_a, under_b;

	if (len_a <= 0 || len_b <= 0)
		return len_a > len_b;
	under_a = strspn(one, "_");
	under_b = strspn(other, "_");
	if (under_a != under_b)
		return under_a < under_b;
	return len_a != len_b ? len_a > len_b : strcmp(one, other) < 0;
}

static bool better(const struct search *s, const struct elf_symbol *a, const struct elf_symbol *b)
{
	if (b->rank == 0)
		return true;
	if ((a->rank ^ b->rank) & RANK_FUNCTION)
		return a->rank & RANK_FUNCTION;
	if (a->start != b->start)
		return a->start > b->start;
	if (a->rank != b->rank)
		return a->rank > b->rank;
	return better_name(s->e, a, b);
}

static uint8_t rank_of(const struct elf_image *e, const Elf64_Sym *sym)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info), bind = ELF64_ST_BIND(sym->st_info);
	uint8_t rank = RANK_FOUND;

	if (sym->st_shndx == SHN_UNDEF || sym->st_name == 0)
		return 0;
	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		rank |= RANK_FUNCTION;
	else if (type != STT_NOTYPE || sym->st_shndx >= e->n_sections ||
		 !(e->sections[sym->st_shndx].flags & SHF_EXECINSTR))
		return 0;
	if (bind != STB_WEAK)
		rank |= bind == STB_LOCAL ? RANK_LOCAL : RANK_LOCAL | RANK_GLOBAL;
	return rank;
}

/* $x, $d and the like mark instruction sets on arm; .L is a compiler's own label. */
static bool marker_name(const struct elf_image *e, const struct elf_symbol *s)
{
	char name[4];
	int len = elf_image_text(e, s->name, s->name_limit, name, sizeof(name));

	return len <= 0 || name[0] == '$' || strncmp(name, ".L", 2) == 0;
}

static void consider_edge(struct search *s, const struct elf_symbol *c, size_t i, uint64_t end)
{
	struct elf_symbol *edge = &s->edge[i];

	if (edge->rank &&
	    (c->start < edge->start || (c->start == edge->start && !better(s, c, edge))))
		return;
	if (!(c->rank & RANK_FUNCTION) && marker_name(s->e, c))
		return;
	*edge = *c;
	s->edge_end[i] = end;
}

static int consider(struct search *s, const Elf64_Sym *sym)
{
	struct elf_symbol c = {.start = sym->st_value, .size = sym->st_size};
	uint64_t end = UINT64_MAX;
	size_t i;

	c.rank = rank_of(s->e, sym);
	if (c.rank == 0 || sym->st_name >= s->names_limit - s->names)
		return 0;
	i = addresses_find(s->addresses, s->n, c.start);
	if (i == s->n)
		return 0;
	c.name = s->names + sym->st_name;
	c.name_limit = s->names_limit;
	if (sym->st_shndx < s->e->n_sections) {
		const struct elf_image_section *in = &s->e->sections[sym->st_shndx];

		if (c.start - in->addr <= in->size)
			end = in->addr + in->size;
	}
	if (++s->work > ELF_SYMBOLS_WORK_MAX)
		return -E2BIG;
	consider_edge(s, &c, i, end);
	if (c.size == 0)
		return 0;
	for (; i < s->n && s->addresses[i] - c.start < c.size; i++) {
		if (++s->work > ELF_SYMBOLS_WORK_MAX)
			return -E2BIG;
		if (better(s, &c, &s->sized[i]))
			s->sized[i] = c;
	}
	return 0;
}

static void convert(const Elf32_Sym *from, Elf64_Sym *to)
{
	*to = (Elf64_Sym){.st_name = from->st_name,
			  .st_info = from->st_info,
			  .st_other = from->st_other,
			  .st_shndx = from->st_shndx,
			  .st_value = from->st_value,
			  .st_size = from->st_size};
}

static int pass(struct search *s, const struct elf_image_section *table)
{
	size_t entry = s->e->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint64_t left = table->size / entry, offset = table->offset;
	_Alignas(Elf64_Sym) uint8_t chunk[CHUNK_BYTES];
	int err, cut = 0;

	if (left > ELF_SYMBOLS_MAX) {
		left = ELF_SYMBOLS_MAX;
		cut = -E2BIG;
	}
	while (left > 0) {
		size_t n = CHUNK_BYTES / entry;

		if (n > left)
			n = (size_t)left;
		err = elf_image_read(s->e, offset, chunk, n * entry);
		if (err < 0)
			return err;
		for (size_t i = 0; i < n; i++) {
			Elf64_Sym sym;

			if (s->e->is64)
				memcpy(&sym, chunk + i * entry, sizeof(sym));
			else
				convert((const Elf32_Sym *)(const void *)(chunk + i * entry), &sym);
			err = consider(s, &sym);
			if (err < 0)
				return err;
		}
		left -= n;
		offset += n * entry;
	}
	return cut;
}

/* An edge holds for the addresses after its own too, up to the next edge. */
static int settle(struct search *s, struct elf_symbol *found)
{
	size_t edge = SIZE_MAX;
	int n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->edge[i].rank)
			edge = i;
		if (found[i].rank == 0 && s->sized[i].rank)
			found[i] = s->sized[i];
		else if (found[i].rank == 0 && edge != SIZE_MAX && s->edge[edge].size == 0 &&
			 s->addresses[i] < s->edge_end[edge])
			found[i] = s->edge[edge];
		n += found[i].rank != 0;
	}
	return n;
}

int elf_symbols_find(const struct elf_image *e, uint32_t table, const uint64_t *addresses, size_t n,
		     struct elf_symbol *found)
{
	struct search s = {.e = e, .addresses = addresses, .n = n};
	const struct elf_image_section *symbols, *names;
	int section = elf_image_section_by_type(e, table), err, count;

	if (section < 0)
		return section;
	for (size_t i = 1; i < n; i++)
		if (addresses[i] < addresses[i - 1])
			return -EINVAL;
	symbols = &e->sections[section];
	if (symbols->link >= e->n_sections)
		return -EBADMSG;
	names = &e->sections[symbols->link];
	if (names->offset > e->size || names->size > e->size - names->offset)
		return -EBADMSG;
	s.names = names->offset;
	s.names_limit = names->offset + names->size;
	s.sized = calloc(n + 1, sizeof(*s.sized));
	s.edge = calloc(n + 1, sizeof(*s.edge));
	s.edge_end = calloc(n + 1, sizeof(*s.edge_end));
	err = s.sized && s.edge && s.edge_end ? pass(&s, symbols) : -ENOMEM;
	count = err == 0 || err == -E2BIG ? settle(&s, found) : err;
	free(s.sized);
	free(s.edge);
	free(s.edge_end);
	return err == -E2BIG ? err : count;
}
