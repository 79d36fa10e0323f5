/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of wire.def and its like. */
#undef MAP
#undef END
#undef ROOT
#undef END_ROOT
#undef TABLE
#undef END_TABLE
#undef FIELD
#undef COLUMN
#undef NEST
#undef INDEX
#undef INDEX_OR_NONE
#undef BORROW
