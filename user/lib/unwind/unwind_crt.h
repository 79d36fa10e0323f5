/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The code that the C compiler's and the C library's start files bring into every program and
 * library, and that has no unwind entries: _init, _fini and gcc's __do_global_dtors_aux, from which
 * all destructors are called. x86-64 only; code that differs by a byte is left alone.
 */
#ifndef BD_UNWIND_CRT_H
#define BD_UNWIND_CRT_H

#include "user/lib/unwind/unwind_plt.h"

#define UNWIND_MUSL_MOST 2
#define UNWIND_CRT_MOST (9 + UNWIND_MUSL_MOST)

/* How many stretches of code with one rule were found. */
unsigned int unwind_crt_find(const struct elf_view *image,
			     struct unwind_plt ret_crt[UNWIND_CRT_MOST]);

/*
 * Where musl calls main(), whose result it gives to exit(), and what its signal handlers return to: a
 * root and a trampoline without entries, recognised by their code and the symbols in it. How many.
 */
unsigned int unwind_musl_find(const struct elf_view *image,
			      struct unwind_plt ret[UNWIND_MUSL_MOST]);

#endif
