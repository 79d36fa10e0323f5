// SPDX-License-Identifier: BSD-2-Clause
#include "user/reader/journal.h"

#include <stddef.h>

/* tools/static/shims.c has it: what is linked statically can load nothing. */
extern const char journal_static_build __attribute__((weak));

const char *journal_obstacle(void)
{
	return &journal_static_build ? "this build is static and can't load libsystemd, so it can't read the "
				       "journal: use the backdraft of the package, or let the client log to "
				       "a file"
				     : NULL;
}
