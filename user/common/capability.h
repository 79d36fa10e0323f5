/* SPDX-License-Identifier: BSD-2-Clause */
/* What this process may do. */
#ifndef BD_CAPABILITY_H
#define BD_CAPABILITY_H

#include <stdbool.h>

/* By number (linux/capability.h): is it in the effective set? */
bool capability_has(unsigned number);
/* VERB_DONE where BPF programs can be loaded and the machine be profiled; else says what is needed. */
int capability_require(const char *verb);

#endif
