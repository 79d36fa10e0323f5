/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's functions from the text of /proc/kallsyms, modules, BPF programs (bpf_prog_…) and
 * ftrace's trampolines included. About 5 MB for 120,000 symbols.
 */
#ifndef BD_KALLSYMS_H
#define BD_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What to say when kallsyms_read() returns -EPERM. */
#define KALLSYMS_HIDDEN                                                                            \
	"/proc/kallsyms shows no addresses, so kernel functions have no names; "                   \
	"run as root, and set kernel.kptr_restrict to 0 or 1 by sysctl"

/* No kernel function is longer: further from the last symbol than this there is no name. */
#define KALLSYMS_REACH_BYTES (1u << 20)
#define KALLSYMS_MAX (8u << 20) /* symbols; -E2BIG beyond */

struct kallsyms;

struct kallsyms_symbol {
	uint64_t start;
	const char *name;
	const char *module; /* as in brackets: a module, bpf, __builtin__ftrace; NULL: the kernel */
};

/*
 * Reads `fd` to its end. Errors: -EPERM where all addresses are zero (KALLSYMS_HIDDEN says what to
 * do), -EBADMSG where it isn't such a text, -E2BIG, -ENOMEM, or the errno of reading.
 */
int kallsyms_read(int fd, struct kallsyms **ret);
void kallsyms_free(struct kallsyms *k);

size_t kallsyms_count(const struct kallsyms *k);
size_t kallsyms_bytes(const struct kallsyms *k);
/* The function that holds `address`; strings live as long as `k`. False: there is none. */
bool kallsyms_find(const struct kallsyms *k, uint64_t address, struct kallsyms_symbol *ret);

#endif
