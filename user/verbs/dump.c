// SPDX-License-Identifier: BSD-2-Clause
/* backdraft dump: all stacks of a living process. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/common/capability.h"
#include "user/record/dump_look.h"
#include "user/lib/profile/codec.h"
#include "user/lib/profile/compact.h"
#include "user/lib/view/export.h"
#include "user/lib/view/summary_dump.h"
#include "user/lib/base/summary_text.h"
#include "user/verbs/outfile.h"
#include "user/verbs/output.h"
#include "user/record/recorder.h"
#include "user/record/recorder_dump.h"
#include "user/verbs/terminal.h"
#include "user/common/verb.h"

#define RATE_HZ 999
#define WINDOW_NS 100000000ULL /* in which threads that run are sampled */
#define POLL_MS 20
#define COLUMNS_DEFAULT 80

enum { OPTION_JSON = VERB_LONG_ONLY };

const struct verb_option verb_dump_options[] = {
	{'o', "output", "FILE.bdr", "also write it as a report, for `backdraft show` and `export`"},
	{OPTION_JSON, "json", NULL, "the whole report as JSON on standard output"},
	{0},
};

struct dump {
	uint32_t pid;
	bool json;
	const char *path; /* NULL: no report is written */
	struct outfile bdr;
	struct recorder *recorder;
	struct report report;
};

static int parse_pid(struct dump *d, const char *text)
{
	char *end;
	unsigned long pid = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !pid || pid > INT32_MAX)
		return verb_usage("dump", "'%s' is no process: give its number", text);
	if (d->pid)
		return verb_usage("dump", "one process at a time, not also %s", text);
	d->pid = pid;
	return VERB_DONE;
}

/* Options on both sides of the process. */
static int parse(struct dump *d, int argc, char **argv)
{
	while (argc > 0) {
		int id;

		while ((id = verb_getopt(verb_dump_options, argc, argv)) != -1) {
			if (id == 'o')
				d->path = optarg;
			else if (id == OPTION_JSON)
				d->json = true;
			else
				return VERB_WRONG_USE;
		}
		if (optind >= argc)
			break;
		if (parse_pid(d, argv[optind]))
			return VERB_WRONG_USE;
		argc -= optind;
		argv += optind;
		/* What is left is read as options of the same verb. */
		argv[0] = (char *)"dump";
	}
	if (d->json && d->path && !strcmp(d->path, "-"))
		return verb_usage("dump", "--json and -o - both want standard output: name a file");
	return d->pid ? VERB_DONE : verb_usage("dump", "which process? PID");
}

/* What can't have stacks is said before anything is loaded. */
static int check_process(uint32_t pid)
{
	char path[64], line[256], state = 0;
	bool memory = false;
	uint32_t tgid = 0, threads = 0;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	FILE *f = fopen(path, "re");

	if (!f) {
		verb_error("dump: no process %u", pid);
		return VERB_FAILED;
	}
	while (fgets(line, sizeof(line), f)) {
		memory |= !strncmp(line, "VmSize:", 7);
		if (!tgid)
			sscanf(line, "Tgid: %u", &tgid);
		if (!state)
			sscanf(line, "State: %c", &state);
		if (!threads)
			sscanf(line, "Threads: %u", &threads);
	}
	fclose(f);
	if (tgid && tgid != pid)
		verb_error("dump: %u is a thread of process %u: backdraft dump %u", pid, tgid,
			   tgid);
	else if (threads > 1)
		return VERB_DONE; /* also where the first one of them has exited */
	else if (state == 'Z' || state == 'X')
		verb_error("dump: process %u has ended; its parent hasn't asked for its status yet",
			   pid);
	else if (!memory)
		verb_error("dump: process %u is a kernel thread, without a stack in user space; "
			   "see /proc/%u/stack",
			   pid, pid);
	else
		return VERB_DONE;
	return VERB_FAILED;
}

static int check_kernel(uint32_t pid)
{
	if (dump_look_is_possible())
		return VERB_DONE;
	verb_error("dump: this kernel can't read another process's stack from BPF (5.18 and later "
		   "can); `backdraft capture -p %u` has the threads that run, `gdb -p %u` all, but "
		   "stops them",
		   pid, pid);
	return VERB_FAILED;
}

static int start(struct dump *d)
{
	const struct collector_options options = {
		.rate_hz = RATE_HZ,
		.filter = BD_FILTER_PID,
		.cgroup_ssid = -1,
		.dump = true,
	};
	char error[COLLECTOR_ERROR] = "";
	int err = recorder_new(&d->recorder, &options, error);

	if (!err)
		err = recorder_add_pid(d->recorder, d->pid, error);
	if (!err)
		err = recorder_start(d->recorder, WINDOW_NS, error);
	if (err)
		verb_error("dump: %s", error);
	return err ? VERB_FAILED : VERB_DONE;
}

/* A first look, and further ones at those that ran, as long as these are sampled. */
static int look(struct dump *d)
{
	struct recorder_stats stats = {0};
	char error[COLLECTOR_ERROR] = "";
	size_t missing = 0;
	int err = recorder_dump_look(d->recorder, error);

	if (!err && !recorder_dump_threads(d->recorder, &missing)) {
		snprintf(error, sizeof(error), "process %u: it has ended", d->pid);
		err = -ESRCH;
	}
	while (!err && missing && !stats.ended) {
		err = recorder_poll(d->recorder, POLL_MS);
		if (err)
			snprintf(error, sizeof(error), "reading the rings: %s", strerror(-err));
		if (!err)
			err = recorder_dump_look(d->recorder, error);
		recorder_dump_threads(d->recorder, &missing);
		recorder_stats(d->recorder, &stats);
	}
	if (!err)
		err = recorder_stop(d->recorder, error);
	if (err)
		verb_error("dump: %s", error);
	return err ? VERB_FAILED : VERB_DONE;
}

static int describe(struct report *r)
{
	const char *name = r->death.process ? r->death.process : "";

	r->trigger.present = r->client.present = true;
	r->trigger.since_ns = r->window.start_ns;
	if (report_set(&r->trigger.kind, "manual") || report_set(&r->trigger.client, name) ||
	    report_set(&r->trigger.explanation, "a person asked for the stacks of its threads") ||
	    report_set(&r->client.name, name))
		return -ENOMEM;
	return 0;
}

static int make_report(struct dump *d)
{
	int err = recorder_report(d->recorder, &d->report);

	if (!err)
		err = describe(&d->report);
	if (!err)
		err = compact_report(&d->report);
	if (err)
		verb_error("dump: making the report: %s", strerror(-err));
	return err ? VERB_FAILED : VERB_DONE;
}

/* --- what comes out */
static int write_bdr(struct dump *d)
{
	char error[OUTFILE_ERROR_BYTES];
	struct out out;

	if (!d->path)
		return VERB_DONE;
	out_init(&out, d->bdr.fd);
	int err = report_encode(&d->report, out_callback, &out);

	if (!err)
		err = out_finish(&out);
	if (err) {
		verb_error("dump: %s: %s", d->path, out.error);
	} else {
		err = outfile_commit(&d->bdr, error);
		d->bdr = (struct outfile){0};
		if (err)
			verb_error("dump: %s", error);
	}
	out_release(&out);
	return err ? VERB_FAILED : VERB_DONE;
}

static int write_text(const struct report *r, unsigned columns, struct out *out)
{
	time_t taken = r->dump.taken_ns / 1000000000;
	char when[64] = "";
	struct tm tm;

	if (gmtime_r(&taken, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	out_text(out, "process   ");
	summary_name(out, r->client.name, 15);
	out_printf(out, " (%" PRIu64 "), %" PRIu64 " thread%s, %s\n", r->death.pid,
		   r->dump.threads_total, r->dump.threads_total == 1 ? "" : "s", when);
	return summary_dump(r, columns, out);
}

static int write_shown(void *ctx, struct out *out)
{
	static const struct view_options everything;
	const struct dump *d = ctx;
	unsigned columns = COLUMNS_DEFAULT;
	bool colour;

	if (d->json)
		return export_find("json")->write(&d->report, &everything, out);
	terminal_look(STDOUT_FILENO, &columns, NULL, &colour);
	return write_text(&d->report, columns ? columns : COLUMNS_DEFAULT, out);
}

int verb_dump(int argc, char **argv)
{
	struct dump d = {0};
	char error[OUTFILE_ERROR_BYTES];
	int status = parse(&d, argc, argv);

	if (!status)
		status = capability_require("dump");
	if (!status)
		status = check_process(d.pid);
	if (!status)
		status = check_kernel(d.pid);
	if (!status && d.path && outfile_open(&d.bdr, d.path, error)) {
		verb_error("dump: %s", error);
		status = VERB_FAILED;
	}
	if (status)
		return status;
	if (report_init(&d.report)) {
		verb_error("dump: %s", strerror(ENOMEM));
		status = VERB_FAILED;
	}
	if (!status)
		status = start(&d);
	if (!status)
		status = look(&d);
	if (!status)
		status = make_report(&d);
	if (!status)
		status = write_bdr(&d);
	if (!status && !(d.path && !strcmp(d.path, "-")))
		status = output_write("-", write_shown, &d);
	outfile_abort(&d.bdr);
	report_release(&d.report);
	recorder_free(d.recorder);
	return status;
}
