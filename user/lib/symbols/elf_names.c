// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/symbols/elf_names.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/lib/symbols/demangle.h"
#include "user/lib/symbols/elf_debug.h"
#include "user/lib/symbols/elf_symbols.h"
#include "user/lib/symbols/symbol_text.h"

#define TABLES_MAX 4

/* A symbol table that was asked: of which image, and of what kind. */
struct table {
	const struct elf_image *image;
	uint32_t type;
};

struct names {
	struct elf_image image, debug, debugdata;
	bool have_debug, have_debugdata;
	void *unpacked;
	struct elf_lines *lines;
	struct elf_symbol *found;
	uint8_t *table_of; /* index in `tables` for each address */
	struct table tables[TABLES_MAX];
	int n_tables;
	struct elf_names_frame frames[ELF_NAMES_FRAMES_MAX];
	char text[ELF_NAMES_TEXT_MAX];
	size_t text_len;
};

static int open_images(struct names *s, const struct elf_names_files *f)
{
	size_t size;
	int err = elf_image_open(&s->image, f->fd, f->size);

	if (err < 0)
		return err;
	s->have_debug =
		f->debug_fd >= 0 && elf_image_open(&s->debug, f->debug_fd, f->debug_size) == 0;
	s->have_debugdata = elf_debugdata(&s->image, &s->unpacked, &size) == 0 &&
			    elf_image_open_memory(&s->debugdata, s->unpacked, size) == 0;
	s->tables[s->n_tables++] = (struct table){&s->image, SHT_SYMTAB};
	if (s->have_debug)
		s->tables[s->n_tables++] = (struct table){&s->debug, SHT_SYMTAB};
	if (s->have_debugdata)
		s->tables[s->n_tables++] = (struct table){&s->debugdata, SHT_SYMTAB};
	s->tables[s->n_tables++] = (struct table){&s->image, SHT_DYNSYM};
	return 0;
}

static void release(struct names *s)
{
	elf_lines_free(s->lines);
	elf_image_release(&s->image);
	if (s->have_debug)
		elf_image_release(&s->debug);
	if (s->have_debugdata)
		elf_image_release(&s->debugdata);
	free(s->unpacked);
	free(s->found);
	free(s->table_of);
	free(s);
}

/* Asks one table after the other for what is left; a table that is damaged spoils no other. */
static int find_symbols(struct names *s, const uint64_t *addresses, size_t n)
{
	int worst = 0;

	s->found = calloc(n + 1, sizeof(*s->found));
	s->table_of = calloc(n + 1, 1);
	if (!s->found || !s->table_of)
		return -ENOMEM;
	for (int t = 0; t < s->n_tables; t++) {
		int err;

		for (size_t i = 0; i < n; i++)
			if (s->found[i].rank == 0)
				s->table_of[i] = (uint8_t)t;
		err = elf_symbols_find(s->tables[t].image, s->tables[t].type, addresses, n,
				       s->found);
		if (err < 0 && err != -ENOENT)
			worst = err;
		if (err == (int)n)
			break;
	}
	return worst;
}

static char *put_text(struct names *s, const char *text, size_t len)
{
	char *p = s->text + s->text_len;

	if (len + 1 > sizeof(s->text) - s->text_len)
		return NULL;
	memcpy(p, text, len);
	p[len] = '\0';
	symbol_text_clean(p, len);
	s->text_len += len + 1;
	return p;
}

/* Name, symbol and file of a frame. False: no room. */
static bool put_frame(struct names *s, struct elf_names_frame *frame, const char *symbol,
		      const char *file)
{
	char readable[DEMANGLE_OUTPUT_MAX + 1];
	size_t len = strnlen(symbol, ELF_SYMBOLS_NAME_MAX - 1), before = s->text_len;
	int n = demangle(symbol, readable, sizeof(readable));

	frame->symbol = frame->file = "";
	frame->name = n > 0 ? put_text(s, readable, (size_t)n) : put_text(s, symbol, len);
	if (n > 0)
		frame->symbol = put_text(s, symbol, len);
	if (file && strnlen(file, ELF_SYMBOLS_NAME_MAX) < ELF_SYMBOLS_NAME_MAX)
		frame->file = put_text(s, file, strlen(file));
	if (frame->name && frame->symbol && frame->file && *frame->name)
		return true;
	s->text_len = before;
	return false;
}

/* The symbol table's name for the function as it is, and DWARF's where the table has none. */
static bool put_outermost(struct names *s, size_t index, const struct elf_lines_frame *line,
			  struct elf_names_frame *ret)
{
	const struct elf_symbol *symbol = &s->found[index];
	char name[ELF_SYMBOLS_NAME_MAX];

	*ret = (struct elf_names_frame){.line = line ? line->line : 0};
	if (symbol->rank &&
	    elf_symbols_name(s->tables[s->table_of[index]].image, symbol, name, sizeof(name)) > 0) {
		ret->start = symbol->start;
		return put_frame(s, ret, name, line ? line->file : NULL);
	}
	if (!line || !line->name)
		return false;
	ret->start = line->start;
	return put_frame(s, ret, line->name, line->file);
}

static int put_address(struct names *s, size_t index, uint64_t address, elf_names_fn *fn, void *arg)
{
	struct elf_lines_frame lines[ELF_NAMES_FRAMES_MAX];
	int found = s->lines ? elf_lines_find(s->lines, address, lines) : 0, n = 0;
	struct elf_names_frame outermost;

	s->text_len = 0;
	if (!put_outermost(s, index, found ? &lines[found - 1] : NULL, &outermost))
		return 0;
	for (int i = 0; i + 1 < found; i++) {
		struct elf_names_frame *frame = &s->frames[n];

		*frame = (struct elf_names_frame){.line = lines[i].line, .inlined = true};
		/* The function that it was inlined from may be left out, but not its callers. */
		if (lines[i].name && put_frame(s, frame, lines[i].name, lines[i].file))
			n++;
	}
	s->frames[n++] = outermost;
	return fn(arg, index, s->frames, n);
}

static bool is_over(int64_t until_ns)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec >= until_ns;
}

int elf_names_find(const struct elf_names_files *files, int64_t lines_until_ns,
		   const uint64_t *addresses, size_t n, elf_names_fn *fn, void *arg)
{
	struct names *s = calloc(1, sizeof(*s));
	int err = s ? open_images(s, files) : -ENOMEM, worst = 0;

	if (err < 0) {
		if (s)
			release(s);
		return err;
	}
	err = find_symbols(s, addresses, n);
	if (err == -ENOMEM)
		goto out;
	worst = err;
	err = 0;
	if (lines_until_ns && elf_lines_open(files->fd, files->alt_fd, &s->lines) < 0 &&
	    files->debug_fd >= 0)
		elf_lines_open(files->debug_fd, files->alt_fd, &s->lines);
	for (size_t i = 0; i < n && err == 0; i++) {
		if (s->lines && is_over(lines_until_ns)) {
			elf_lines_free(s->lines);
			s->lines = NULL;
			worst = -ETIME;
		}
		err = put_address(s, i, addresses[i], fn, arg);
	}
out:
	release(s);
	return err ? err : worst;
}
