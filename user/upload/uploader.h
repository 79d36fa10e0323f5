/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The uploader as the daemon sees it: a child of its own program that is started, waited for and
 * started again, later each time that it dies at once. It dies with the thread that starts it.
 */
#ifndef BD_UPLOADER_H
#define BD_UPLOADER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define UPLOADER_AGAIN_MOST_S 60
#define UPLOADER_LIVED_S 10 /* who lives so long starts anew with 1 s */

struct uploader {
	pid_t pid; /* 0: none runs */
	uint64_t started_s, next_s; /* CLOCK_MONOTONIC */
	uint64_t deaths;	    /* since the start of the daemon */
	uint32_t again_s;	    /* how long the last wait was */
};

/* Once a second: starts it where it is `wanted` and doesn't run, ends it where it isn't. 0, or what
 * kept it from starting: -errno. */
int uploader_second(struct uploader *u, const char *config_path, bool wanted, uint64_t now_s);
/* Ends it, to be started at once by the next uploader_second(). */
void uploader_stop(struct uploader *u);

#endif
