/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters that every thread may add to; counters.def says what each is. */
#ifndef BD_SERVER_COUNTERS_H
#define BD_SERVER_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

struct counters {
#define COUNTER(name, doc) _Atomic uint64_t name;
#include "server/counters.def"
};

static inline void count(_Atomic uint64_t *counter, uint64_t add)
{
	atomic_fetch_add_explicit(counter, add, memory_order_relaxed);
}

#endif
