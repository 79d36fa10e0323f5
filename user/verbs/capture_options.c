// SPDX-License-Identifier: BSD-2-Clause
#include "user/verbs/capture_options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/common/cgroup.h"
#include "user/common/verb.h"

#define SECONDS_DEFAULT 10
#define SECONDS_MAX 86400
#define RATE_DEFAULT 99
#define RATE_MAX 20000
#define RING_BYTES_MAX (1UL << 28)

enum { OPTION_CGROUP = VERB_LONG_ONLY, OPTION_HTML, OPTION_RING_BYTES };

const struct verb_option verb_capture_options[] = {
	{ 'd', "duration", "SECS", "how long; 10, or with a command until it ends" },
	{ 'F', "frequency", "HZ", "samples a second and CPU; 99 unless told" },
	{ 'p', "pid", "PID", "this process and the children that it makes; may be repeated" },
	{ 'c', "comm", "NAME", "processes and threads of this name; may be repeated" },
	{ OPTION_CGROUP, "cgroup", "PATH", "processes in this control group and those below it" },
	{ 'o', "output", "FILE.bdr", "the report; - is standard output" },
	{ OPTION_HTML, "html", "FILE", "the picture" },
	{ OPTION_RING_BYTES, "ring-bytes", "N", "size of a ring buffer, a power of two; 2097152" },
	{ 0 },
};

static int parse_duration(struct capture_options *o, const char *text)
{
	char *end;

	o->seconds = strtod(text, &end);
	if (end != text && !strcmp(end, "s"))
		end++;
	if (end == text || *end || !isfinite(o->seconds) || o->seconds <= 0)
		return verb_usage("capture", "-d: '%.100s' is no duration: give seconds above 0", text);
	if (o->seconds > SECONDS_MAX)
		return verb_usage("capture", "-d: '%.100s' is over a day; let `backdraft watch` run for so long", text);
	return VERB_DONE;
}

static long number(const char *text, long max)
{
	char *end;

	errno = 0;
	long value = strtol(text, &end, 10);

	return errno || end == text || *end || value < 1 || value > max ? -1 : value;
}

static int parse_rate(struct capture_options *o, const char *text)
{
	long rate = number(text, RATE_MAX);

	if (rate < 0)
		return verb_usage("capture", "-F: '%.100s' is no rate: give 1 to 20000 samples a second; 99 shows "
			     "most, 999 short bursts",
			     text);
	o->collector.rate_hz = rate;
	return VERB_DONE;
}

static int parse_pid(struct capture_options *o, const char *text)
{
	long pid = number(text, 4194304);

	if (pid < 0)
		return verb_usage("capture", "-p: '%.100s' is no process number", text);
	if (kill(pid, 0) && errno == ESRCH) {
		verb_error("capture: there is no process %ld", pid);
		return VERB_WRONG_USE;
	}
	if (o->npids == CAPTURE_PIDS_MAX)
		return verb_usage("capture", "-p: too many at %.20s; 256 can be named, or a --cgroup", text);
	o->pids[o->npids++] = pid;
	o->collector.filter |= BD_FILTER_PID;
	return VERB_DONE;
}

static int parse_comm(struct capture_options *o, const char *text)
{
	if (!*text || strlen(text) >= BD_COMM)
		return verb_usage("capture", "-c: '%.100s': the kernel's names have 1 to 15 characters (see ps -o comm)",
			     text);
	if (o->collector.ncomms == BD_TARGET_COMMS)
		return verb_usage("capture", "-c: too many at %.20s; 8 can be named", text);
	o->collector.comms[o->collector.ncomms++] = text;
	o->collector.filter |= BD_FILTER_COMM;
	return VERB_DONE;
}

static int parse_cgroup(struct capture_options *o, const char *text)
{
	char error[256];
	struct cgroup_id id;

	if (o->cgroup)
		return verb_usage("capture", "--cgroup: one at a time, not also '%.100s'", text);
	if (cgroup_find(text, &id, error, sizeof(error))) {
		verb_error("capture: --cgroup: %s", error);
		return VERB_WRONG_USE;
	}
	o->cgroup = text;
	o->collector.cgroup_id = id.id;
	o->collector.cgroup_ssid = id.ssid;
	o->collector.filter |= BD_FILTER_CGROUP;
	return VERB_DONE;
}

static int parse_ring_bytes(struct capture_options *o, const char *text)
{
	long bytes = number(text, RING_BYTES_MAX), page = sysconf(_SC_PAGESIZE);

	if (bytes < page || (bytes & (bytes - 1)))
		return verb_usage("capture", "--ring-bytes: '%.100s' is no power of two from a page (4096) to 256 MiB",
			     text);
	o->collector.ring_bytes = bytes;
	return VERB_DONE;
}

static int parse_option(struct capture_options *o, int id)
{
	switch (id) {
	case 'd':
		return parse_duration(o, optarg);
	case 'F':
		return parse_rate(o, optarg);
	case 'p':
		return parse_pid(o, optarg);
	case 'c':
		return parse_comm(o, optarg);
	case OPTION_CGROUP:
		return parse_cgroup(o, optarg);
	case OPTION_RING_BYTES:
		return parse_ring_bytes(o, optarg);
	case 'o':
		o->bdr = optarg;
		return VERB_DONE;
	case OPTION_HTML:
		o->html = optarg;
		return VERB_DONE;
	}
	return VERB_WRONG_USE;
}

/* What was asked for, in the words of the command line; of a command the name only. */
static int describe(struct capture_options *o)
{
	size_t size;
	FILE *f = open_memstream(&o->asked, &size);

	if (!f)
		return VERB_FAILED;
	const char *slash = o->command ? strrchr(o->command[0], '/') : NULL;

	if (o->command)
		fprintf(f, " %s", slash ? slash + 1 : o->command[0]);
	for (unsigned i = 0; i < o->collector.ncomms; i++)
		fprintf(f, " %s", o->collector.comms[i]);
	for (size_t i = 0; i < o->npids; i++)
		fprintf(f, " pid %u", o->pids[i]);
	if (o->cgroup)
		fprintf(f, " %s", o->cgroup);
	if (!o->collector.filter)
		fputs(" machine", f);
	return fclose(f) ? VERB_FAILED : VERB_DONE;
}

static void default_outputs(struct capture_options *o)
{
	time_t now = time(NULL);
	struct tm local;
	char stamp[32];

	if (o->bdr || o->html)
		return;
	localtime_r(&now, &local);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &local);
	snprintf(o->default_bdr, sizeof(o->default_bdr), "backdraft-%s.bdr", stamp);
	snprintf(o->default_html, sizeof(o->default_html), "backdraft-%s.html", stamp);
	o->bdr = o->default_bdr;
	o->html = o->default_html;
}

int capture_options_parse(struct capture_options *o, int argc, char **argv)
{
	int id;

	*o = (struct capture_options){ .collector = { .rate_hz = RATE_DEFAULT, .cgroup_ssid = -1 } };
	while ((id = verb_getopt(verb_capture_options, argc, argv)) != -1) {
		int status = id == '?' ? VERB_WRONG_USE : parse_option(o, id);

		if (status)
			return status;
	}
	if (optind < argc) {
		if (strcmp(argv[optind - 1], "--"))
			return verb_usage("capture", "what is '%.100s'? A command stands behind --", argv[optind]);
		o->command = argv + optind;
		o->collector.filter |= BD_FILTER_PID;
	} else if (!strcmp(argv[argc - 1], "--")) {
		return verb_usage("capture", "which command? There is nothing behind --");
	} else if (!o->seconds) {
		o->seconds = SECONDS_DEFAULT;
	}
	if (o->bdr && o->html && !strcmp(o->bdr, o->html))
		return verb_usage("capture", "the report and the picture can't both go to '%.100s'", o->bdr);
	default_outputs(o);
	return describe(o);
}

void capture_options_release(struct capture_options *o)
{
	free(o->asked);
}
