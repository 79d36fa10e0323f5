/* SPDX-License-Identifier: BSD-2-Clause */
/* What the running kernel has, by its own description of its types. */
#ifndef BD_KERNEL_BTF_H
#define BD_KERNEL_BTF_H

#include <stdbool.h>

struct btf;

/* Does a struct have this field? */
bool kernel_has_field(const struct btf *btf, const char *type, const char *field);
/* Is the BPF helper there, named as in enum bpf_func_id ("BPF_FUNC_loop")? */
bool kernel_has_helper(const struct btf *btf, const char *name);
/* The value of a name in an enum, or -ENOENT. */
int kernel_enum_value(const struct btf *btf, const char *type, const char *name);

#endif
