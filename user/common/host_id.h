/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name of this machine in reports: a keyed hash of what identifies it. The key is made at the
 * first start, here, and never leaves: who has the reports can tell machines apart, and cannot tell
 * which one it is, not even with its machine ID in hand.
 */
#ifndef BD_HOST_ID_H
#define BD_HOST_ID_H

#include <stdint.h>

#include "user/lib/profile/report.h"

#define HOST_ID_KEY "host-key" /* the file in state_dir, 0600 */
#define HOST_ID_ERROR 512

/* What identifies the machine: machine-id and, where it has one, the DMI UUID, each with a newline. */
void host_id_sources(char *ret, size_t size);

/*
 * The first 16 bytes of HMAC-SHA-256 of SOURCES, by the key in the directory FD, which is made where
 * it is missing. A damaged one is set aside. 0 or -errno, and one line in `note` where there is
 * something to say: a new key is a new identity.
 */
int host_id_make(int fd, const char *sources, uint8_t ret[REPORT_ID_BYTES],
		 char note[HOST_ID_ERROR]);

#endif
