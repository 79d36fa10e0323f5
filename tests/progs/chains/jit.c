// SPDX-License-Identifier: BSD-2-Clause
/*
 * Generated code: two functions with frame pointers in anonymous memory, named by a perf-map file,
 * between functions of ours that have none.
 */
#include <sys/mman.h>
#include "chains.h"

#if defined(__x86_64__)
static const uint8_t inner_code[] = {
	0x55, 0x48, 0x89, 0xe5, /* push %rbp; mov %rsp, %rbp */
	0xff, 0xd7,		/* call *%rdi */
	0x5d, 0xc3,		/* pop %rbp; ret */
};
static const uint8_t outer_code[] = {
	0x55, 0x48, 0x89, 0xe5, 0x48, 0x89, 0xf8, /* mov %rdi, %rax */
	0x48, 0x89, 0xf7,			  /* mov %rsi, %rdi */
	0xff, 0xd0,				  /* call *%rax */
	0x5d, 0xc3,
};
#else
static const uint32_t inner_code[] = {
	0xa9bf7bfd, 0x910003fd, /* stp x29, x30, [sp, #-16]!; mov x29, sp */
	0xd63f0000,		/* blr x0 */
	0xa8c17bfd, 0xd65f03c0, /* ldp x29, x30, [sp], #16; ret */
};
static const uint32_t outer_code[] = {
	0xa9bf7bfd, 0x910003fd, 0xaa0003e2, /* mov x2, x0 */
	0xaa0103e0,			    /* mov x0, x1 */
	0xd63f0040,			    /* blr x2 */
	0xa8c17bfd, 0xd65f03c0,
};
#endif
#define INNER_AT 64
#define OUTER_AT 1024

static void write_map(const char *code)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	file = fopen(path, "wx");
	if (!file)
		prog_die(path);
	fprintf(file, "%lx %zx jit_inner\n%lx %zx jit_outer\n", (unsigned long)(code + INNER_AT),
		sizeof(inner_code), (unsigned long)(code + OUTER_AT), sizeof(outer_code));
	fclose(file);
}

PROG_WHOLE void chain_jit(void)
{
	void (*inner)(void (*leaf)(void));
	void (*outer)(void (*inner)(void (*leaf)(void)), void (*leaf)(void));
	char *code;

	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (code == MAP_FAILED)
		prog_die("mmap");
	memcpy(code + INNER_AT, inner_code, sizeof(inner_code));
	memcpy(code + OUTER_AT, outer_code, sizeof(outer_code));
	__builtin___clear_cache(code, code + 4096);
	if (mprotect(code, 4096, PROT_READ | PROT_EXEC))
		prog_die("mprotect");
	write_map(code);
	*(void **)&inner = code + INNER_AT;
	*(void **)&outer = code + OUTER_AT;
	outer(inner, chain_leaf);
	PROG_STAY();
}
