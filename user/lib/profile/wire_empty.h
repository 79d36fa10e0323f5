/* SPDX-License-Identifier: BSD-2-Clause */
/* Of the macros of wire.def, those that its includer did not define mean nothing. A template, as
 * wire_undef.h: no guard. */
#ifndef MAP
#define MAP(map, doc)
#endif
#ifndef END
#define END(map)
#endif
#ifndef ROOT
#define ROOT(map, doc)
#endif
#ifndef END_ROOT
#define END_ROOT(map)
#endif
#ifndef TABLE
#define TABLE(table, doc)
#endif
#ifndef END_TABLE
#define END_TABLE(table)
#endif
#ifndef FIELD
#define FIELD(map, number, kind, name, doc)
#endif
#ifndef COLUMN
#define COLUMN(table, number, kind, name, doc)
#endif
#ifndef NEST
#define NEST(owner, number, type, name, doc)
#endif
#ifndef INDEX
#define INDEX(table, column, target)
#endif
#ifndef INDEX_OR_NONE
#define INDEX_OR_NONE(table, column, target)
#endif
#ifndef BORROW
#define BORROW(owner, number, type, name, doc)
#endif
