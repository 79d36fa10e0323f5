/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a band, shared by its arithmetic and its storage. */
#ifndef BD_BAND_PRIVATE_H
#define BD_BAND_PRIVATE_H

#include "user/lib/detect/band.h"

/* A point of an hour as it is stored, as a float. */
float band_point(uint16_t stored);

#endif
