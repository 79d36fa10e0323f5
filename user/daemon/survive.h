/* SPDX-License-Identifier: BSD-2-Clause */
/* What lets the daemon go on while the machine drowns, and what it gives up of its rights. */
#ifndef BD_SURVIVE_H
#define BD_SURVIVE_H

#include <stdbool.h>

/*
 * Locks memory as it is touched, and asks to be the last to be killed without memory. What isn't
 * allowed is left: NULL, or a line that says what is missing.
 */
const char *survive_begin(void);
/*
 * Keeps the capabilities that recording, its reader and reloading need. *ret_admin: CAP_SYS_ADMIN is
 * one of them, since this kernel opens no events without it. 0 or -errno.
 */
int survive_drop_capabilities(bool *ret_admin);
/* How often, in seconds, a manager wants to hear WATCHDOG=1; 0: never (sd_watchdog_enabled(3)). */
unsigned survive_watchdog_s(void);
/* Says STATE ("READY=1", "WATCHDOG=1", …) to the service manager that started us, if any: sd_notify(3). */
void survive_notify(const char *state);

#endif
