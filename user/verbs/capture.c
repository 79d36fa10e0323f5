// SPDX-License-Identifier: BSD-2-Clause
/* backdraft capture: profile the machine, or a part of it, or a command, and write a report. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/common/capability.h"
#include "user/verbs/capture_options.h"
#include "user/verbs/command.h"
#include "user/lib/profile/codec.h"
#include "user/lib/profile/compact.h"
#include "user/lib/view/export.h"
#include "user/lib/base/out.h"
#include "user/verbs/outfile.h"
#include "user/verbs/progress.h"
#include "user/record/recorder.h"
#include "user/verbs/show.h"
#include "user/common/verb.h"

#define POLL_MS 100

struct capture {
	struct capture_options options;
	struct recorder *recorder;
	int nice; /* as we were called: the recorder takes more */
	struct command command;
	struct progress progress;
	struct outfile bdr, html; /* opened before the recording, so that nothing is recorded in vain */
};

static volatile sig_atomic_t stop_signal;

static void on_stop(int number)
{
	stop_signal = number;
}

static void on_child(int number)
{
	/* Only so that the wait for records ends. */
}

static void catch_signals(void)
{
	struct sigaction stop = { .sa_handler = on_stop }, child = { .sa_handler = on_child };

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	sigaction(SIGCHLD, &child, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int open_outputs(struct capture *c)
{
	char error[OUTFILE_ERROR_BYTES];

	if ((c->options.bdr && outfile_open(&c->bdr, c->options.bdr, error)) ||
	    (c->options.html && outfile_open(&c->html, c->options.html, error))) {
		verb_error("capture: %s", error);
		return VERB_FAILED;
	}
	return VERB_DONE;
}

static int add_targets(struct capture *c)
{
	char error[COLLECTOR_ERROR] = "";

	for (size_t i = 0; i < c->options.npids; i++) {
		if (recorder_add_pid(c->recorder, c->options.pids[i], error)) {
			verb_error("capture: %s", error);
			return VERB_FAILED;
		}
	}
	if (!c->options.command)
		return VERB_DONE;
	int err = command_start(&c->command, c->options.command, c->nice);

	if (!err)
		err = recorder_add_pid(c->recorder, c->command.pid, error);
	if (err)
		verb_error("capture: %s: %s", c->options.command[0],
			   *error ? error : strerror(-err));
	return err ? VERB_FAILED : VERB_DONE;
}

static bool is_over(struct capture *c, const struct recorder_stats *stats)
{
	if (stats->ended || stop_signal || (c->options.command && command_poll(&c->command)))
		return true;
	/* Of named processes the last one may end early. */
	for (size_t i = 0; i < c->options.npids; i++)
		if (!kill(c->options.pids[i], 0) || errno != ESRCH)
			return false;
	return c->options.npids && c->options.collector.filter == BD_FILTER_PID &&
	       !c->options.command;
}

static int record(struct capture *c)
{
	struct recorder_stats stats;
	char error[COLLECTOR_ERROR] = "";
	int err = recorder_start(c->recorder, (uint64_t)(c->options.seconds * 1e9), error);

	if (!err && c->options.command) {
		err = command_release(&c->command);
		if (err)
			snprintf(error, sizeof(error), "%s: %s", c->options.command[0], strerror(-err));
	}
	if (err) {
		verb_error("capture: %s", error);
		return VERB_FAILED;
	}
	progress_begin(&c->progress, c->options.seconds);
	do {
		err = recorder_poll(c->recorder, POLL_MS);
		if (err) {
			progress_end(&c->progress);
			verb_error("capture: reading the rings: %s", strerror(-err));
			return VERB_FAILED;
		}
		recorder_stats(c->recorder, &stats);
		progress_show(&c->progress, (stats.now_ns - stats.start_ns) / 1e9, stats.samples);
	} while (!is_over(c, &stats));
	err = recorder_stop(c->recorder, error);
	if (err)
		verb_error("capture: %s", error);
	return err ? VERB_FAILED : VERB_DONE;
}

static int describe(struct capture *c, struct report *r)
{
	r->trigger.present = r->client.present = true;
	r->trigger.since_ns = r->window.start_ns;
	if (report_set(&r->trigger.kind, "capture") ||
	    report_set(&r->trigger.client, c->options.asked + 1) ||
	    report_set(&r->trigger.explanation, "a person asked for it") ||
	    report_set(&r->client.name, c->options.asked + 1))
		return -ENOMEM;
	if (!c->options.command)
		return 0;
	int status = command_exit_status(&c->command);

	r->command.present = true;
	r->command.pid = c->command.pid;
	r->command.exit_status = status;
	r->command.signal = c->command.ended && status > 128 ? status - 128 : 0;
	r->command.elapsed_ns = c->command.ended ? c->command.end_ns - c->command.start_ns : 0;
	return report_set(&r->command.name, c->command.name);
}

static int write_bdr(const struct report *r, const struct view_options *view, struct out *out)
{
	return report_encode(r, out_callback, out);
}

static int write_html(const struct report *r, const struct view_options *view, struct out *out)
{
	return export_find("html")->write(r, view, out);
}

static int write_file(struct outfile *file, const char *name, const struct report *r,
		      int (*write)(const struct report *, const struct view_options *, struct out *))
{
	static const struct view_options everything;
	char error[OUTFILE_ERROR_BYTES];
	struct out out;

	out_init(&out, file->fd);
	int err = write(r, &everything, &out);

	if (!err)
		err = out_finish(&out);
	if (err) {
		verb_error("capture: %s: %s", name, out.error);
		outfile_abort(file);
	} else {
		err = outfile_commit(file, error);
		if (err)
			verb_error("capture: %s", error);
	}
	out_release(&out);
	*file = (struct outfile){ 0 };
	return err ? VERB_FAILED : VERB_DONE;
}

/* The summary goes where people look; standard output may be the report. */
static void summarise(const struct capture *c, const struct report *r)
{
	bool to_stdout = (c->options.bdr && !strcmp(c->options.bdr, "-")) ||
			 (c->options.html && !strcmp(c->options.html, "-"));
	struct out out;

	show_summary(r, to_stdout ? STDERR_FILENO : STDOUT_FILENO, false);
	out_init(&out, to_stdout ? STDERR_FILENO : STDOUT_FILENO);
	if (c->options.bdr && strcmp(c->options.bdr, "-"))
		out_printf(&out, "report   %s\n", c->options.bdr);
	if (c->options.html && strcmp(c->options.html, "-"))
		out_printf(&out, "picture  %s\n", c->options.html);
	out_finish(&out);
	out_release(&out);
}

static int make_report(struct capture *c)
{
	struct report r;
	int status = VERB_DONE, err = report_init(&r);

	progress_say(&c->progress, "naming functions");
	if (!err)
		err = recorder_report(c->recorder, &r);
	if (!err)
		err = describe(c, &r);
	if (!err)
		err = compact_report(&r);
	progress_end(&c->progress);
	if (err) {
		verb_error("capture: making the report: %s", strerror(-err));
		report_release(&r);
		return VERB_FAILED;
	}
	if (c->options.bdr)
		status = write_file(&c->bdr, c->options.bdr, &r, write_bdr);
	if (c->options.html && !status)
		status = write_file(&c->html, c->options.html, &r, write_html);
	if (!status)
		summarise(c, &r);
	report_release(&r);
	return status;
}

int verb_capture(int argc, char **argv)
{
	struct capture c = { 0 };
	char error[COLLECTOR_ERROR] = "";
	int status = capture_options_parse(&c.options, argc, argv);

	if (!status)
		status = capability_require("capture");
	if (!status)
		status = open_outputs(&c);
	if (status)
		goto out;
	catch_signals();
	c.nice = getpriority(PRIO_PROCESS, 0);
	if (recorder_new(&c.recorder, &c.options.collector, error)) {
		verb_error("capture: %s", error);
		status = VERB_FAILED;
		goto out;
	}
	status = add_targets(&c);
	if (!status)
		status = record(&c);
	if (!status)
		status = make_report(&c);
out:
	if (c.command.pid)
		command_abandon(&c.command);
	progress_end(&c.progress);
	outfile_abort(&c.bdr);
	outfile_abort(&c.html);
	recorder_free(c.recorder);
	capture_options_release(&c.options);
	return status;
}
