// SPDX-License-Identifier: BSD-2-Clause
/* backdraft show: a report in the terminal. */
#include "user/verbs/show.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "user/verbs/terminal.h"
#include "user/lib/scrub/scrub_report.h"
#include "user/lib/view/summary.h"
#include "user/common/verb.h"

enum { OPTION_LOGS = VERB_LONG_ONLY, OPTION_PRIVACY };

const struct verb_option verb_show_options[] = {
	{OPTION_LOGS, "logs", NULL, "each line of the client's log, and not only the last ones"},
	{OPTION_PRIVACY, "privacy", NULL, "what was taken out of it because it is personal, by class"},
	{0},
};

struct request {
	const char *path;
	bool all_logs, privacy;
};

int show_summary(const struct report *r, int fd, bool all_logs)
{
	struct summary_options options = {.all_logs = all_logs};
	struct out out;
	int status;

	terminal_look(fd, &options.columns, NULL, &options.colour);
	out_init(&out, fd);
	status = summary_write(r, &options, &out);
	if (!status)
		status = out_finish(&out);
	if (status)
		verb_error("summary: %s", out.status ? out.error : strerror(-status));
	out_release(&out);
	return status ? VERB_FAILED : VERB_DONE;
}

static int show_privacy(const struct report *r)
{
	struct out out;
	int status;

	out_init(&out, STDOUT_FILENO);
	scrub_write(r, &out);
	status = out_finish(&out);
	if (status)
		verb_error("standard output: %s", out.error);
	out_release(&out);
	return status ? VERB_FAILED : VERB_DONE;
}

/* Options on both sides of the file's name. */
static int parse(struct request *q, int argc, char **argv)
{
	while (argc > 0) {
		int id;

		while ((id = verb_getopt(verb_show_options, argc, argv)) != -1) {
			if (id == OPTION_LOGS)
				q->all_logs = true;
			else if (id == OPTION_PRIVACY)
				q->privacy = true;
			else
				return VERB_WRONG_USE;
		}
		if (optind >= argc)
			break;
		if (q->path)
			return verb_usage("show", "one report at a time, not also '%s'", argv[optind]);
		q->path = argv[optind];
		argc -= optind;
		argv += optind;
		/* What is left is read as options of the same verb. */
		argv[0] = (char *)"show";
	}
	return q->path ? VERB_DONE : verb_usage("show", "one report: FILE, or - for standard input");
}

int verb_show(int argc, char **argv)
{
	struct request q = {0};
	struct report r;
	int status = parse(&q, argc, argv);

	if (status)
		return status;
	status = verb_read_report(q.path, &r);
	if (status)
		return status;
	status = q.privacy ? show_privacy(&r) : show_summary(&r, STDOUT_FILENO, q.all_logs);
	report_release(&r);
	return status;
}
