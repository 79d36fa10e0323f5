/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DWARF expressions that occur in unwind entries, by their form. Real binaries have few: the
 * two that PLTs have, the address in a slot (signal frames, realigned frames, hand-written
 * assembly that keeps the old stack pointer in the frame), and registers with an offset.
 */
#ifndef BD_DWARF_EXPR_H
#define BD_DWARF_EXPR_H

#include <stddef.h>
#include <stdint.h>

enum dwarf_expr_form {
	DWARF_EXPR_OTHER,
	DWARF_EXPR_REG,	    /* reg + off */
	DWARF_EXPR_DEREF,   /* *(reg + off) + add */
	DWARF_EXPR_INDEXED, /* *(rsp + reg * 8 + off) + add */
	DWARF_EXPR_PLT,	    /* rsp + 8 + ((rip & 15) >= off ? 8 : 0) */
	DWARF_EXPR_COUNT,
};

struct dwarf_expr {
	enum dwarf_expr_form form;
	uint32_t reg; /* below 32 */
	int64_t off, add;
};

void dwarf_expr_parse(const uint8_t *bytes, size_t count, struct dwarf_expr *ret_expr);

#endif
