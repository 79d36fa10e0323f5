// SPDX-License-Identifier: BSD-2-Clause
/*
 * The daemon's side of the spool without the daemon.
 *
 *   spool_driver DIR COUNT KIND SECOND [PAUSE_MS [TEXTS]]
 *
 * writes COUNT reports of that kind, of SECOND and those after it, each of TEXTS texts (800: about
 * 14 KB), and tidies up after each as a second of the daemon does. A line for each that could not be
 * written, or with TEXTS `spooled NAME` for each that was; the last one is `WRITTEN FAILED
 * LONGEST_MS`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/common/clock.h"
#include "user/upload/spool.h"

static uint64_t state = 88172645463325252u;

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static int make(struct report *r, const char *kind, long second, int texts)
{
	char text[64];

	if (report_init(r) || report_set(&r->trigger.kind, kind))
		return -1;
	state = 88172645463325252u + second * 2654435761u;
	for (int i = 0; i < texts; i++) {
		snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64, next_random(), next_random());
		if (report_intern(r, text) < 0)
			return -1;
	}
	r->scrub.present = true; /* there is nothing in it that is personal */
	r->window.trigger_ns = second * 1000000000;
	for (size_t i = 0; i < sizeof(r->id); i++)
		r->id[i] = next_random();
	return 0;
}

int main(int argc, char **argv)
{
	char error[SPOOL_ERROR], name[SPOOL_NAME];
	int written = 0, failed = 0;
	uint64_t longest_ns = 0;
	struct spool s;
	struct stat st;

	if (argc < 5 || spool_open(&s, argv[1], error)) {
		fprintf(stderr, "%s\n", argc < 5 ? "usage" : error);
		return 2;
	}
	if (spool_recover(&s) < 0 || fstat(s.fd, &st))
		return 1;
	/* As the daemon does where there is an uploader. */
	if (st.st_mode & S_IWGRP && spool_share(&s, st.st_gid))
		return 1;
	for (int i = 0; i < atoi(argv[2]); i++) {
		uint64_t begin_ns = clock_monotonic_ns();
		struct report r;

		if (make(&r, argv[3], atol(argv[4]) + i, argc > 6 ? atoi(argv[6]) : 800))
			return 1;
		spool_name(&r, "shop", name);
		if (spool_write(&s, name, false, &r, error)) {
			failed++;
			printf("%s\n", error);
		} else {
			written++;
			if (argc > 6)
				printf("spooled %s\n", name);
			fflush(stdout);
		}
		report_release(&r);
		spool_tidy(&s);
		begin_ns = clock_monotonic_ns() - begin_ns;
		longest_ns = begin_ns > longest_ns ? begin_ns : longest_ns;
		usleep(argc > 5 ? atoi(argv[5]) * 1000 : 0);
	}
	printf("%d %d %" PRIu64 "\n", written, failed, longest_ns / 1000000);
	spool_close(&s);
	return 0;
}
