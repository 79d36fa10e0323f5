/* SPDX-License-Identifier: BSD-2-Clause */
/* What is behind a descriptor, for those who write for people. */
#ifndef BD_TERMINAL_H
#define BD_TERMINAL_H

#include <stdbool.h>

/* Its size, and whether it wants colours; 0 and false where it is no terminal. Outputs may be NULL.
 */
void terminal_look(int fd, unsigned int *ret_columns, unsigned int *ret_rows, bool *ret_colour);

#endif
