// SPDX-License-Identifier: BSD-2-Clause
/* backdraft diff: what got hotter from report A to report B. */
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "user/verbs/output.h"
#include "user/verbs/terminal.h"
#include "user/lib/view/diff.h"
#include "user/lib/view/diff_write.h"
#include "user/common/verb.h"
#include "user/verbs/view_args.h"

const struct verb_option verb_diff_options[] = {
	{'f', "format", "NAME", "text, html, svg or folded; by the name of OUT, else text"},
	{'o', "output", "OUT", "file to write; standard output unless told"},
	VIEW_ARGS,
	{0},
};

struct request;

struct format {
	const char *name, *extension;
	int (*write)(const struct request *q, const struct diff *d, struct out *out);
};

struct request {
	const char *input[2], *output;
	const struct format *format;
	struct view_options view;
	struct report report[2];
};

static int write_text(const struct request *q, const struct diff *d, struct out *out)
{
	struct diff_text_options options = {0};

	terminal_look(out->fd, &options.columns, NULL, &options.colour);
	return diff_write_text(d, &options, out);
}

static int write_folded(const struct request *q, const struct diff *d, struct out *out)
{
	return diff_write_folded(d, out);
}

static int write_svg(const struct request *q, const struct diff *d, struct out *out)
{
	return diff_write_svg(d, out);
}

static int write_html(const struct request *q, const struct diff *d, struct out *out)
{
	return diff_write_html(d, q->view.reverse, out);
}

static const struct format formats[] = {
	{"text", "txt", write_text},
	{"html", "html", write_html},
	{"svg", "svg", write_svg},
	{"folded", "folded", write_folded},
};
#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

static int parse_option(struct request *q, int id)
{
	switch (id) {
	case 'o':
		q->output = optarg;
		return VERB_DONE;
	case 'f':
		for (size_t i = 0; i < N_FORMATS; i++)
			if (!strcmp(optarg, formats[i].name))
				q->format = &formats[i];
		if (q->format && !strcmp(optarg, q->format->name))
			return VERB_DONE;
		return verb_usage("diff", "no format '%s'; there are text, html, svg, folded",
				  optarg);
	}
	return view_args_parse("diff", id, &q->view);
}

/* The format that the name of the output ends with, or text. */
static const struct format *guess_format(const char *output)
{
	const char *dot = output ? strrchr(output, '.') : NULL;

	for (size_t i = 0; dot && i < N_FORMATS; i++)
		if (!strcmp(dot + 1, formats[i].extension))
			return &formats[i];
	return &formats[0];
}

static int check(struct request *q)
{
	bool picture;

	if (!q->input[1])
		return verb_usage("diff", "which two reports? A, the one before, and B");
	if (!strcmp(q->input[0], "-") && !strcmp(q->input[1], "-"))
		return verb_usage("diff", "only one report can be standard input");
	if (!q->format)
		q->format = guess_format(q->output);
	picture = q->format->write == write_html || q->format->write == write_svg;
	if (picture && !q->output && isatty(STDOUT_FILENO))
		return verb_usage("diff", "%s on a terminal is no picture: add -o FILE.%s",
				  q->format->name, q->format->extension);
	return VERB_DONE;
}

/* Options may stand before, between and behind the names. */
static int parse(struct request *q, int argc, char **argv)
{
	int n = 0;

	while (argc > 0) {
		int id;

		while ((id = verb_getopt(verb_diff_options, argc, argv)) != -1)
			if (id == '?' || parse_option(q, id))
				return VERB_WRONG_USE;
		if (optind >= argc)
			break;
		if (n == 2)
			return verb_usage("diff", "two reports at a time, not also '%s'",
					  argv[optind]);
		q->input[n++] = argv[optind];
		argc -= optind;
		argv += optind;
		/* What is left is read as options of the same verb. */
		argv[0] = (char *)"diff";
	}
	return check(q);
}

static int write_diff(void *ctx, struct out *out)
{
	const struct request *q = ctx;
	struct view_options view = q->view;
	char error[VIEW_ERROR_BYTES];
	struct diff d;
	int status;

	/* The page turns stacks round itself. */
	view.reverse &= q->format->write != write_html;
	status = diff_build(&q->report[0], &q->report[1], &view, &d, error);
	if (status)
		return out_fail(out, status, "%s", error);
	/* On the page the reader turns the tree round; whatever is shown comes from the same
	 * values. */
	status = q->format->write(q, &d, out);
	diff_release(&d);
	return status;
}

int verb_diff(int argc, char **argv)
{
	struct request q = {0};
	int status = parse(&q, argc, argv);

	for (int side = 0; side < 2 && !status; side++)
		status = verb_read_report(q.input[side], &q.report[side]);
	if (!status)
		status = output_write(q.output, write_diff, &q);
	report_release(&q.report[0]);
	report_release(&q.report[1]);
	return status;
}
