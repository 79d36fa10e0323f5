// SPDX-License-Identifier: BSD-2-Clause
/* backdraft show: a report in the terminal. */
#include "show.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "terminal.h"
#include "user/lib/summary.h"
#include "verb.h"

#define OPTION_LOGS VERB_LONG_ONLY

const struct verb_option verb_show_options[] = {
	{OPTION_LOGS, "logs", NULL, "each line of the client's log, and not only the last ones"},
	{0},
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

int verb_show(int argc, char **argv)
{
	struct report r;
	bool all_logs = false;
	int status, id;

	while ((id = verb_getopt(verb_show_options, argc, argv)) != -1) {
		if (id != OPTION_LOGS)
			return VERB_WRONG_USE;
		all_logs = true;
	}
	if (argc - optind != 1)
		return verb_usage("show", "one report: FILE, or - for standard input");
	status = verb_read_report(argv[optind], &r);
	if (status)
		return status;
	status = show_summary(&r, STDOUT_FILENO, all_logs);
	report_release(&r);
	return status;
}
