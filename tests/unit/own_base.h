/* SPDX-License-Identifier: BSD-2-Clause */
/* Where this program's own file begins in memory; the linker knows. */
#ifndef TESTS_OWN_BASE_H
#define TESTS_OWN_BASE_H

#include <stdint.h>

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

static inline uint64_t own_base(void)
{
	return (uint64_t)(uintptr_t)__ehdr_start;
}

#endif
