// SPDX-License-Identifier: BSD-2-Clause
/* backdraft export: a report, or a part of it, in another format. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/common/config_file.h"
#include "user/reader/debuginfod.h"
#include "user/common/machine_names.h"
#include "user/verbs/output.h"
#include "user/lib/view/export.h"
#include "user/lib/view/resymbolize.h"
#include "user/lib/scrub/scrub_report.h"
#include "user/lib/view/symbol_dir.h"
#include "user/common/verb.h"
#include "user/verbs/view_args.h"

enum { OPTION_SYMBOLS = VERB_LONG_ONLY, OPTION_DEBUGINFOD, OPTION_SCRUB, OPTION_CONFIG };

const struct verb_option verb_export_options[] = {
	{'f', "format", "NAME", "html, svg, folded, json or bdr; by the name of OUT, else folded"},
	{'o', "output", "OUT", "file to write; standard output unless told"},
	VIEW_ARGS,
	{OPTION_SYMBOLS, "symbols", "DIR", "names from ELF and debug files below DIR, by build ID"},
	{OPTION_DEBUGINFOD, "debuginfod", NULL,
	 "names from the servers in DEBUGINFOD_URLS, 5 s in all"},
	{OPTION_SCRUB, "scrub", NULL, "take out what is personal, as the daemon does; -f bdr keeps a report"},
	{OPTION_CONFIG, "config", "FILE", "with --scrub: `allow` and `scrub` of that configuration"},
	{0},
};

struct request {
	const char *input, *output, *symbols;
	const char *config;
	bool debuginfod, scrub;
	const struct export_format *format;
	struct view_options view;
	struct report report;
};

static int parse_format(const char *text, const struct export_format **ret)
{
	char known[256] = "";
	size_t at = 0;

	*ret = export_find(text);
	if (*ret)
		return VERB_DONE;
	for (size_t i = 0; export_formats[i] && at < sizeof(known); i++)
		at += snprintf(known + at, sizeof(known) - at, "%s%s", i ? ", " : "",
			       export_formats[i]->name);
	return verb_usage("export", "no format '%s'; there are %s", text, known);
}

static int parse_option(struct request *q, int id)
{
	switch (id) {
	case 'f':
		return parse_format(optarg, &q->format);
	case 'o':
		q->output = optarg;
		return VERB_DONE;
	case OPTION_SYMBOLS:
		q->symbols = optarg;
		return VERB_DONE;
	case OPTION_DEBUGINFOD:
		q->debuginfod = true;
		return VERB_DONE;
	case OPTION_SCRUB:
		q->scrub = true;
		return VERB_DONE;
	case OPTION_CONFIG:
		q->config = optarg;
		return VERB_DONE;
	}
	return view_args_parse("export", id, &q->view);
}

/* The format that the name of the output ends with, or the first one. */
static const struct export_format *guess_format(const char *output)
{
	const char *dot = output ? strrchr(output, '.') : NULL;

	for (size_t i = 0; dot && export_formats[i]; i++)
		if (!strcmp(dot + 1, export_formats[i]->extension))
			return export_formats[i];
	return export_formats[0];
}

static bool is_for_files(const struct export_format *f)
{
	return !strcmp(f->name, "html") || !strcmp(f->name, "svg") || !strcmp(f->name, "bdr");
}

/* Options may stand before and behind the file's name. */
static int parse(struct request *q, int argc, char **argv)
{
	while (argc > 0) {
		int id;

		while ((id = verb_getopt(verb_export_options, argc, argv)) != -1)
			if (id == '?' || parse_option(q, id))
				return VERB_WRONG_USE;
		if (optind >= argc)
			break;
		if (q->input)
			return verb_usage("export", "one report at a time, not also '%s'",
					  argv[optind]);
		q->input = argv[optind];
		argc -= optind;
		argv += optind;
		/* What is left is read as options of the same verb. */
		argv[0] = (char *)"export";
	}
	if (!q->input)
		return verb_usage("export", "which report? FILE, or - for standard input");
	if (!q->format)
		q->format = guess_format(q->output);
	if (q->config && !q->scrub)
		return verb_usage("export", "--config says what --scrub takes out: add --scrub");
	if (is_for_files(q->format) && !q->output && isatty(STDOUT_FILENO))
		return verb_usage("export", "%s is not for a terminal: add -o FILE.%s",
				  q->format->name, q->format->extension);
	return VERB_DONE;
}

static int start_debuginfod(struct debuginfod **ret)
{
	int err = debuginfod_new(ret);

	if (err == -EDESTADDRREQ)
		return verb_usage("export",
				  "--debuginfod: set DEBUGINFOD_URLS to the servers to ask");
	if (err < 0) {
		verb_error("--debuginfod: %s",
			   err == -ENOENT ? "no libdebuginfod.so.1; install libdebuginfod1"
					  : strerror(-err));
		return VERB_FAILED;
	}
	return VERB_DONE;
}

/* What was found goes to standard error: an empty directory and a wrong one look the same
 * otherwise. */
static int add_names(const struct request *q, struct report *r)
{
	struct resymbolize_result result;
	struct debuginfod *servers = NULL;
	int status = q->debuginfod ? start_debuginfod(&servers) : VERB_DONE;
	int err;

	if (status || (!q->symbols && !servers))
		return status;
	err = resymbolize(r, q->symbols, servers ? debuginfod_fetch : NULL, servers, &result);
	debuginfod_free(servers);
	if (err == -E2BIG)
		return verb_usage("export",
				  "--symbols: more than %d files below '%s'; name a smaller part",
				  SYMBOL_DIR_FILES_MAX, q->symbols);
	if (err == -ENOMEM) {
		verb_error("names: %s", strerror(-err));
		return VERB_FAILED;
	}
	if (err < 0)
		return verb_usage("export", "--symbols: '%s': %s", q->symbols, strerror(-err));
	fprintf(stderr, "%zu of %zu modules found, %zu frames with better names\n", result.found,
		result.modules, result.frames);
	return VERB_DONE;
}

/* What was taken out is told: a report that held nothing looks the same as one that did. */
static int scrub(const struct request *q, struct report *r)
{
	char error[SCRUB_ERROR_BYTES];
	struct config config = {0};
	uint64_t values = 0;
	struct scrub *s;
	int status = q->config ? config_file_read(q->config, &config) : VERB_DONE;
	int err;

	if (status)
		return status;
	err = machine_scrub_new(q->config ? &config : NULL, NULL, &s, error);
	config_release(&config);
	if (!err) {
		err = scrub_report(s, r);
		if (err)
			snprintf(error, sizeof(error), "%s", strerror(-err));
		scrub_free(s);
	}
	if (err) {
		verb_error("--scrub: %s", error);
		return VERB_FAILED;
	}
	for (size_t i = 0; i < r->scrub.removed.n; i++)
		values += r->scrub.removed.count[i];
	fprintf(stderr, "%" PRIu64 " values taken out, in all; `backdraft show --privacy` lists the classes\n",
		values);
	return VERB_DONE;
}

static int write_format(void *ctx, struct out *out)
{
	const struct request *q = ctx;

	return q->format->write(&q->report, &q->view, out);
}

int verb_export(int argc, char **argv)
{
	struct request q = {0};
	int status = parse(&q, argc, argv);

	if (status)
		return status;
	status = verb_read_report(q.input, &q.report);
	if (status)
		return status;
	status = add_names(&q, &q.report);
	if (!status && q.scrub)
		status = scrub(&q, &q.report);
	if (!status)
		status = output_write(q.output, write_format, &q);
	report_release(&q.report);
	return status;
}
