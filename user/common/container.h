/* SPDX-License-Identifier: BSD-2-Clause */
/* The container that a process runs in, from its control group's path. */
#ifndef BD_CONTAINER_H
#define BD_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>

#define CONTAINER_ID 12 /* hex digits, as the container tools abbreviate it */

/* Finds a container ID (64 hex digits) in a control group's path. */
bool container_id_in(const char *path, char ret[CONTAINER_ID + 1]);
/* Of a living process. False: in none, or the process is gone. */
bool container_of(int pid, char ret[CONTAINER_ID + 1]);

#endif
