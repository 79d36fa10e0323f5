/* SPDX-License-Identifier: BSD-2-Clause */
/* The wire format for readers: what wire.def says, as text or as JSON. */
#ifndef BD_SCHEMA_H
#define BD_SCHEMA_H

#include "user/lib/base/out.h"

void schema_text(struct out *out);
/*
 * {"schema", "doc", "fields": [{"number", "name", "kind", "doc", …}]}; a column of row numbers has
 * "rows_of" and "or_none" as well, a map or table its own "fields".
 */
void schema_json(struct out *out);

#endif
