/* SPDX-License-Identifier: BSD-2-Clause */
/* What a capture's recorder and the flight recorder have in common. */
#ifndef BD_RECORDER_PRIVATE_H
#define BD_RECORDER_PRIVATE_H

#include "user/record/aggregate.h"
#include "user/record/drain.h"
#include "user/common/host.h"
#include "user/record/recorder.h"

struct recorder {
	struct collector_options options;
	struct reader *reader;
	struct collector *collector;
	struct sideband *sideband;
	struct drain *drain;
	struct aggregate aggregate;
	struct unwinder *unwinder;
	struct dump_look *looks; /* recorder_dump.c */
	struct crash_table dump;
	bool dump_looked;
	struct host_times times_start, times_end;
	int64_t wall_start_ns;
	size_t nnamed, cap_named;
	struct named_process {
		uint32_t pid, tgid, exec_id;
	} *named;
};

/* Takes what the thread has found, and works off what is complete; all of it where `last`. */
int recorder_take(struct recorder *r, int timeout_ms, bool last);
/* CPU time of this process and of the reader's children so far. */
uint64_t recorder_cpu_ns(const struct recorder *r);
void recorder_own_cost(const struct recorder *r, const struct collector_totals *totals,
		       struct report *ret);

#endif
