// SPDX-License-Identifier: BSD-2-Clause
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/reader/reader.h"
#include "user/upload/upload.h"
#include "user/common/verb.h"

static const struct verb verbs[] = {
	{"capture", "[-d SECS] [-F HZ] [-p PID]… [-c NAME]… [-o FILE.bdr] [--html FILE] [-- CMD…]",
	 "profile the machine, or a part of it, or a command, and write a report and a picture",
	 verb_capture_options, verb_capture},
	{"diff", "A B [-f FORMAT] [-o OUT] [--from T] [--to T] …",
	 "what got hotter from one report to another, normalised to the same CPU time",
	 verb_diff_options, verb_diff},
	{"doctor", "", "what this machine can and can't do, and how to mend it", verb_doctor_options,
	 verb_doctor},
	{"dump", "PID [--json] [-o FILE.bdr]",
	 "all stacks of a living process, each thread with its state; nothing is stopped",
	 verb_dump_options, verb_dump},
	{"export", "FILE [-f FORMAT] [-o OUT] [--from T] [--to T] …",
	 "turn a report into a picture, or into the format of another tool", verb_export_options,
	 verb_export},
	{"replay", "SERIES.csv [--config FILE]", "which alerts the detector would have raised on a recorded series",
	 verb_replay_options, verb_replay},
	{"show", "FILE [--logs] [--privacy]", "read a report in the terminal", verb_show_options, verb_show},
	{"status", "[--json]",
	 "ask the daemon: clients now against normal, rules, spool, own cost", verb_status_options,
	 verb_status},
	{"top", "[-n N]", "clients and threads live in the terminal, as the daemon sees them; q quits",
	 verb_top_options, verb_top},
	{"spool", "[--config FILE | --dir DIR] [--verify] [--mend]",
	 "reports that wait on disk: list them, check them, mend what a crash left",
	 verb_spool_options, verb_spool},
	{"trigger", "[CLIENT]", "make the daemon report now: on a client, or on the machine",
	 verb_trigger_options, verb_trigger},
	{"upload", "[--config FILE] [--once]",
	 "send what waits to the receiver; the daemon runs it by itself", verb_upload_options,
	 verb_upload},
	{"watch", "[--config FILE] [--check] [--dry-run]",
	 "the daemon: a report that begins before the alarm", verb_watch_options, verb_watch},
	{"schema", "[--json]", "the fields of a report", verb_schema_options, verb_schema},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void help(FILE *to)
{
	fprintf(to, "backdraft %s: CPU flight recorder\n\nusage: backdraft VERB …\n\n", BD_VERSION);
	for (size_t i = 0; i < N_VERBS; i++)
		fprintf(to, "  %-9s %s\n", verbs[i].name, verbs[i].summary);
	fprintf(to, "\nbackdraft VERB --help says more; --version is %s.\n", BD_VERSION);
}

static void help_verb(const struct verb *v)
{
	printf("usage: backdraft %s %s\n%s\n", v->name, v->args, v->summary);
	for (const struct verb_option *o = v->options; o && o->name; o++) {
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->id < VERB_LONG_ONLY ? '-' : ' ',
			 o->id < VERB_LONG_ONLY ? o->id : ' ', o->id < VERB_LONG_ONLY ? ", " : "  ",
			 o->name, o->argument ? " " : "", o->argument ? o->argument : "");
		printf("%s  %-26s %s\n", o == v->options ? "\n" : "", left, o->help);
	}
}

/* Of a verb's own arguments; what stands behind "--" belongs to the command that it runs. */
static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

/* Letters to add, drop or change (Levenshtein); far for anything long. */
static size_t distance(const char *a, const char *b)
{
	size_t row[32], n = strlen(b);

	if (strlen(a) >= 32 || n >= 32)
		return 32;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

static int unknown_verb(const char *name)
{
	const struct verb *nearest = verbs;

	for (size_t i = 1; i < N_VERBS; i++)
		if (distance(name, verbs[i].name) < distance(name, nearest->name))
			nearest = &verbs[i];
	if (distance(name, nearest->name) <= 3)
		verb_error("no verb '%s'; did you mean '%s'? backdraft --help lists all", name,
			   nearest->name);
	else
		verb_error("no verb '%s'; backdraft --help lists all", name);
	return VERB_WRONG_USE;
}

/* What was printed has arrived, or it has failed. */
static int finish(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	verb_error("standard output: %m");
	return status ? status : VERB_FAILED;
}

int main(int argc, char **argv)
{
	/* Not a verb for people: the child that parses what users can write. */
	if (argc > 1 && !strcmp(argv[1], READER_VERB))
		return reader_child_main(argc - 1, argv + 1);
	/* Nor this one: the daemon's, which talks to the network. */
	if (argc > 1 && !strcmp(argv[1], UPLOAD_VERB))
		return upload_child_main(argc - 1, argv + 1);
	if (argc < 2) {
		help(stderr);
		return VERB_WRONG_USE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(stdout);
		return finish(VERB_DONE);
	}
	if (!strcmp(argv[1], "--version")) {
		printf("backdraft %s\n", BD_VERSION);
		return finish(VERB_DONE);
	}
	for (size_t i = 0; i < N_VERBS; i++) {
		if (strcmp(argv[1], verbs[i].name))
			continue;
		if (!asks_for_help(argc - 1, argv + 1))
			return finish(verbs[i].run(argc - 1, argv + 1));
		help_verb(&verbs[i]);
		return finish(VERB_DONE);
	}
	return unknown_verb(argv[1]);
}
