/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readable names of C++ (Itanium ABI) and Rust (v0 and legacy) functions, by libiberty.
 *
 * What a developer recognises and can search for: name spaces and template arguments stay;
 * parameters, return types, the hash of legacy Rust names and, for C too, the marks of copies and
 * parts (.cold, .isra.0) go.
 */
#ifndef BD_DEMANGLE_H
#define BD_DEMANGLE_H

#include <stddef.h>

#define DEMANGLE_INPUT_MAX 4095
#define DEMANGLE_OUTPUT_MAX 4095

/*
 * Writes the readable form of `name` to `buf`. Returns its length; 0 where `name` is what to show,
 * or its readable form doesn't fit `size` - 1 or DEMANGLE_OUTPUT_MAX (names of a few bytes can
 * stand for gigabytes): `buf` is undefined then.
 */
int demangle(const char *name, char *buf, size_t size);

#endif
