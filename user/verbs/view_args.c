// SPDX-License-Identifier: BSD-2-Clause
#include "user/verbs/view_args.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int parse_seconds(const char *verb, const char *name, double *ret)
{
	char *end;

	*ret = strtod(optarg, &end);
	if (end != optarg && !strcmp(end, "s"))
		end++;
	if (end == optarg || *end || !isfinite(*ret) || *ret < 0)
		return verb_usage(verb, "%s: '%s' is no number of seconds", name, optarg);
	return VERB_DONE;
}

static int parse_pid(const char *verb, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(optarg, &end, 10);
	if (errno || end == optarg || *end || *ret < 1 || *ret > UINT32_MAX)
		return verb_usage(verb, "--pid: '%s' is no process", optarg);
	return VERB_DONE;
}

int view_args_parse(const char *verb, int id, struct view_options *o)
{
	switch (id) {
	case VIEW_ARG_FROM:
		return parse_seconds(verb, "--from", &o->from_s);
	case VIEW_ARG_TO:
		if (parse_seconds(verb, "--to", &o->to_s))
			return VERB_WRONG_USE;
		if (o->to_s > 0)
			return VERB_DONE;
		return verb_usage(verb, "--to: 0 is where the window begins");
	case VIEW_ARG_THREAD:
		o->thread_re = optarg;
		return VERB_DONE;
	case VIEW_ARG_PID:
		return parse_pid(verb, &o->pid);
	case VIEW_ARG_BY:
		if (!view_by_parse(optarg, &o->by))
			return VERB_DONE;
		return verb_usage(verb, "--by: '%s' is none of cpu, samples, wait", optarg);
	case VIEW_ARG_CLIENT:
		o->client = true;
		return VERB_DONE;
	case VIEW_ARG_REVERSE:
		o->reverse = true;
		return VERB_DONE;
	}
	return VERB_WRONG_USE;
}
