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
bool kernel_has_function(const struct btf *btf, const char *name);
/* The type of a BTF tracepoint, "btf_trace_NAME", is there. */
bool kernel_has_trace(const struct btf *btf, const char *name);
/* Is the argument of a tracepoint (`btf_trace_NAME`, the first real one is 1) a pointer? */
bool kernel_trace_takes_pointer(const struct btf *btf, const char *name, int argument);

#endif
