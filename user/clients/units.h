/* SPDX-License-Identifier: BSD-2-Clause */
/* What a control group's path says: the systemd unit and the container that it belongs to. */
#ifndef BD_UNITS_H
#define BD_UNITS_H

#include <stdbool.h>

#define UNIT_MAX 255 /* bytes of a unit's name, as systemd limits it */

/*
 * The unit, such as "x.service": the first component below the slices that is one, and within a
 * user's manager (user@1000.service) the user's own unit, where there is one. Units of a container's
 * own systemd, further down, don't count. As systemd's cg_path_get_unit(), cg_path_get_user_unit().
 */
bool unit_of_path(const char *path, char ret[UNIT_MAX + 1]);

/*
 * The container: the first 12 digits of its ID, or its name where the path has that instead (LXC,
 * systemd-nspawn).
 */
bool unit_container(const char *path, char ret[UNIT_MAX + 1]);

#endif
