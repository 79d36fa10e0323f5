// SPDX-License-Identifier: BSD-2-Clause
/* What the unwind table of a binary is made of: its size, rules and rows, and how long it takes. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/unwind/unwind_table.h"

static const char usage[] = "usage: unwind-table [--rows] [--rules] [--summary] FILE...\n"
			    "Compiles the unwind entries of each FILE and says what came out.\n"
			    "  --rows     every row: address, rule\n"
			    "  --rules    every rule and the rows that have it\n"
			    "  --summary  one line a file: path ms bytes rows rules fdes refused\n";

struct options {
	bool rows, rules, summary;
};

static const char *const kinds[UNWIND_KIND_COUNT] = {
	[UNWIND_KIND_NO_FDE] = "no-fde",   [UNWIND_KIND_UNSUPPORTED] = "unsupported",
	[UNWIND_KIND_FULL] = "full",	   [UNWIND_KIND_ROOT] = "root",
	[UNWIND_KIND_SIGNAL] = "signal",   [UNWIND_KIND_PLT] = "plt",
	[UNWIND_KIND_REG] = "reg",	   [UNWIND_KIND_DEREF] = "deref",
	[UNWIND_KIND_INDEXED] = "indexed", [UNWIND_KIND_FRAMES] = "frames",
};

static const char *const cfa_opens[UNWIND_KIND_COUNT] = {
	[UNWIND_KIND_REG] = "",
	[UNWIND_KIND_DEREF] = "*(",
	[UNWIND_KIND_INDEXED] = "*(sp+",
};

static const char *const x86_regs[UNWIND_REGS] = {
	"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
	"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};

static void print_reg(uint16_t machine, uint8_t reg)
{
	if (machine == 62 && reg < UNWIND_REGS && x86_regs[reg])
		printf("%s", x86_regs[reg]);
	else if (reg == UNWIND_ARM64_SP)
		printf("sp");
	else
		printf("x%u", reg);
}

static void print_rule(uint16_t machine, const struct unwind_rule *r)
{
	static const char *const saved[UNWIND_SAVED] = {"rbx", "r12", "r13", "r14", "r15"};

	printf("%s", kinds[r->kind]);
	if (r->kind == UNWIND_KIND_PLT)
		printf(" cfa=rsp+8+8*(ip%%16>=%d)", r->cfa_off);
	if (r->kind >= UNWIND_KIND_REG && r->kind <= UNWIND_KIND_INDEXED) {
		printf(" cfa=%s", cfa_opens[r->kind]);
		print_reg(machine, r->cfa_reg);
		printf("%s%+d", r->kind == UNWIND_KIND_INDEXED ? "*8" : "", r->cfa_off);
		if (r->kind != UNWIND_KIND_REG)
			printf(")%+d", r->cfa_add);
	}
	if (r->kind < UNWIND_KIND_PLT || r->kind == UNWIND_KIND_FRAMES) {
		putchar('\n');
		return;
	}
	printf(" ra=%s%+d", r->ra ? "c" : "lr", r->ra * 8);
	if (r->fp == UNWIND_FP_LOST)
		printf(" fp=lost");
	else if (r->fp == UNWIND_FP_AT_FP)
		printf(" fp=*fp");
	else if (r->fp)
		printf(" fp=c%+d", r->fp * 8);
	for (int i = 0; i < UNWIND_SAVED; i++) {
		if (r->saved[i] == UNWIND_LOST)
			printf(" %s=lost", saved[i]);
		else if (r->saved[i])
			printf(" %s=c%+d", saved[i], r->saved[i] * 8);
	}
	putchar('\n');
}

static void row_print(void *arg, uint64_t address, uint32_t rule)
{
	const struct unwind_view *view = arg;
	const struct unwind_head *head = (const void *)view->values;

	printf("%016lx %5u ", (unsigned long)address, rule);
	print_rule((uint16_t)head->machine, &view->rules[rule]);
}

static void row_count(void *arg, uint64_t address, uint32_t rule)
{
	uint32_t *counts = arg;

	counts[rule]++;
}

static int print_rules(const struct unwind_table *table)
{
	struct unwind_view view = unwind_table_view(table);
	uint32_t *counts = calloc(view.rules_count, sizeof(*counts));

	if (!counts)
		return -ENOMEM;
	unwind_table_rows(table, row_count, counts);
	for (uint32_t i = 0; i < view.rules_count; i++) {
		printf("%5u %8u ", i, counts[i]);
		print_rule((uint16_t)unwind_table_head(table)->machine, &view.rules[i]);
	}
	free(counts);
	return 0;
}

static void print_counts(const struct unwind_build *b)
{
	for (int i = 0; i < UNWIND_DROP_COUNT; i++)
		if (b->drops[i])
			printf("  dropped   %8u  %s\n", b->drops[i], unwind_drop_name(i));
	for (int i = 1; i < CFI_REFUSAL_COUNT; i++)
		if (b->refusals[i])
			printf("  refused   %8u  %s\n", b->refusals[i], cfi_refusal_name(i));
}

static void print_table(const char *path, const struct unwind_table *table,
			const struct unwind_build *b, double ms, const struct options *o)
{
	const struct unwind_head *head = unwind_table_head(table);
	uint32_t refused = 0;

	for (int i = 1; i < CFI_REFUSAL_COUNT; i++)
		refused += b->refusals[i];
	if (o->summary) {
		printf("%s %.2f %u %u %u %u %u\n", path, ms, head->values * UNWIND_VALUE_BYTES,
		       head->rows, head->rules, b->fdes, refused);
		return;
	}
	printf("%s: %u rows from %u FDEs, %u rules, %u bytes (%u buckets of %u bytes of code), "
	       "%.2f ms\n",
	       path, head->rows, b->fdes, head->rules, head->values * UNWIND_VALUE_BYTES,
	       head->buckets, 1u << head->shift, ms);
	print_counts(b);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int show(const char *path, const void *data, size_t bytes, const struct options *o)
{
	struct unwind_table table = {0};
	struct unwind_build build;
	struct unwind_view view;
	double start = now_ms();
	int err = unwind_table_build(&table, data, bytes, &build);

	if (err) {
		fprintf(stderr, "%s: no unwind table: %s\n", path,
			err == -ENODATA ? "it has no unwind entries" : strerror(-err));
		return err;
	}
	print_table(path, &table, &build, now_ms() - start, o);
	if (o->rules)
		err = print_rules(&table);
	view = unwind_table_view(&table);
	if (o->rows)
		unwind_table_rows(&table, row_print, &view);
	unwind_table_release(&table);
	return err;
}

static int show_file(const char *path, const struct options *o)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;
	struct stat st;
	void *data;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || !st.st_size) {
		err = errno ? -errno : -EINVAL;
		fprintf(stderr, "%s: %s\n", path, errno ? strerror(errno) : "no regular file");
		goto out;
	}
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		err = -errno;
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		goto out;
	}
	err = show(path, data, (size_t)st.st_size, o);
	munmap(data, (size_t)st.st_size);
out:
	if (fd >= 0)
		close(fd);
	return err;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"rows", no_argument, NULL, 'r'},
		{"rules", no_argument, NULL, 'R'},
		{"summary", no_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options o = {0};
	int opt, err = 0;

	while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		o.rows |= opt == 'r';
		o.rules |= opt == 'R';
		o.summary |= opt == 's';
		if (opt == '?' || opt == 'h') {
			fputs(usage, opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : 2;
		}
	}
	if (optind == argc) {
		fputs(usage, stderr);
		return 2;
	}
	for (int i = optind; i < argc; i++) {
		errno = 0;
		if (show_file(argv[i], &o))
			err = 1;
	}
	return err;
}
