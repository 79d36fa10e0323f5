/* SPDX-License-Identifier: BSD-2-Clause */
/* What `backdraft capture` was asked for. */
#ifndef BD_CAPTURE_OPTIONS_H
#define BD_CAPTURE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "user/record/collector.h"

#define CAPTURE_PIDS_MAX 256

struct capture_options {
	double seconds; /* 0: until the command ends */
	struct collector_options collector;
	uint32_t pids[CAPTURE_PIDS_MAX];
	size_t npids;
	const char *cgroup;
	const char *bdr, *html; /* NULL: not wanted */
	char default_bdr[64], default_html[64];
	char **command; /* NULL: none */
	char *asked;	/* the same in a few words, for client.name */
};

/* Exit status: 0, or what has been said is wrong. capture_options_release() in both cases. */
int capture_options_parse(struct capture_options *o, int argc, char **argv);
void capture_options_release(struct capture_options *o);

#endif
