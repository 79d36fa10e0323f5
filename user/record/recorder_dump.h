/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stacks of a living process, in a recording of it (options.dump): those that don't run by
 * looks, and those that do by the recording's samples. recorder_report() makes its `dump` of them.
 *
 *	recorder_start -> look (-> poll… -> look)… -> recorder_stop -> recorder_report
 */
#ifndef BD_RECORDER_DUMP_H
#define BD_RECORDER_DUMP_H

#include <stddef.h>
#include "user/record/recorder.h"

struct crash;

/*
 * The first look finds the threads; further ones take the stacks of those that ran until then. 0,
 * or -errno and a sentence.
 */
int recorder_dump_look(struct recorder *r, char error[COLLECTOR_ERROR]);
/* How many of them it has found, and how many have no stack yet. */
size_t recorder_dump_threads(const struct recorder *r, size_t *ret_missing);
/* What recorder_report() makes a dump of, which is the caller's then; NULL: nobody has looked. */
struct crash *recorder_dump_take(struct recorder *r);

#endif
