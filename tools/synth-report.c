// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writes a synthetic report: a web shop's server that begins to burn at 60 % of the window. The
 * same options give the same report, byte for byte. For measuring, for tests of exports, for
 * pictures.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/synth.h"
#include "user/lib/profile/codec.h"
#include "user/lib/base/out.h"
#include "user/lib/profile/report.h"

static int write_report(const struct synth *s)
{
	int fd =
		s->o.output ? open(s->o.output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : 1;
	struct out out;
	int err;

	if (fd < 0)
		die(s->o.output);
	out_init(&out, fd);
	err = report_encode(&s->r, out_callback, &out);
	if (!err)
		err = out_finish(&out);
	out_release(&out);
	if (s->o.output && close(fd) && !err)
		err = -errno;
	return err;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static const char usage[] =
	"usage: synth-report [--seed N] [--stacks N] [--samples N] [--threads N] [--depth N]\n"
	"                    [--seconds S] [--cpus N] [--hostile] [-o FILE]\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", 1, NULL, 's'},	   {"stacks", 1, NULL, 'n'},
		{"samples", 1, NULL, 'm'}, {"threads", 1, NULL, 't'},
		{"depth", 1, NULL, 'd'},   {"seconds", 1, NULL, 'S'},
		{"cpus", 1, NULL, 'c'},	   {"hostile", 0, NULL, 'x'},
		{"output", 1, NULL, 'o'},  {0},
	};
	struct synth s = {.o = {.seed = 1,
				.stacks = 1500,
				.threads = 8,
				.depth = 14,
				.cpus = 4,
				.seconds = 60}};
	int c, err;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		uint64_t v = optarg ? strtoull(optarg, NULL, 0) : 0;
		uint64_t *const values[] = {
			['s'] = &s.o.seed,    ['n'] = &s.o.stacks, ['m'] = &s.o.samples,
			['t'] = &s.o.threads, ['d'] = &s.o.depth,  ['c'] = &s.o.cpus};

		if (c == 'S') {
			s.o.seconds = strtod(optarg, NULL);
		} else if (c == 'x') {
			s.o.hostile = true;
		} else if (c == 'o') {
			s.o.output = optarg;
		} else if (c == '?' || (c != 's' && !v)) {
			fputs(usage, stderr);
			return 2;
		} else {
			*values[c] = v;
		}
	}
	if (!s.o.samples)
		s.o.samples = max_u64(s.o.stacks, s.o.seconds * s.o.cpus * RATE_HZ * LOAD);
	if (optind < argc || s.o.seconds < 0.1 || s.o.samples < s.o.stacks) {
		fputs(usage, stderr);
		return 2;
	}
	synth_make(&s);
	err = write_report(&s);
	synth_release(&s);
	if (err)
		fprintf(stderr, "synth-report: %s\n", strerror(-err));
	return err ? 1 : 0;
}
