/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A report as the page reads it: base64 of a zlib stream of
 *
 *   JSON text, a NUL byte, then the columns of all tables one after the other.
 *
 * The JSON has every map of the report by name, `strings`, and `tables`: for each table its number
 * of rows `n` and `columns`, which name the columns in the order in which they follow. A column's
 * code is two letters: what a value is (`u` 32 bits unsigned, `i` 32 bits signed, `w` wider, `s`
 * wider and signed, `f` double) and how it is written (`p` LEB128, signed ones zigzag; `d` the same
 * of the zigzag difference from the row before; `r` 8 bytes, little-endian). Integers of maps that
 * a double can't hold are JSON strings, those of counts too.
 */
#ifndef BD_HTML_DATA_H
#define BD_HTML_DATA_H

#include <stddef.h>

struct report;

/* Gives the text to `write` in pieces; a piece has no character that means anything in HTML.
 * 0, -ENOMEM, or the first error that `write` returned. */
int html_data_write(const struct report *r, int (*write)(void *arg, const void *data, size_t size),
		    void *arg);

#endif
