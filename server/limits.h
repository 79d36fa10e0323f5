/* SPDX-License-Identifier: BSD-2-Clause */
/* The limits as numbers; limits.def says what each is. */
#ifndef BD_SERVER_LIMITS_H
#define BD_SERVER_LIMITS_H

#include <stdint.h>

struct limits {
#define LIMIT(name, type, initial, least, most, doc) uint64_t name;
#include "server/limits.def"
};

struct report_limits;
/* What reading one report may take. */
void limits_of_report(const struct limits *limits, struct report_limits *ret);
/* The same for a batch of heartbeats. */
void limits_of_beats(const struct limits *limits, struct report_limits *ret);

#endif
