/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verbs: one row in the table of main.c, which is the help, and one file each.
 *
 * A verb with a table of options gets `--help` and getopt_long(3) from it.
 */
#ifndef BD_VERB_H
#define BD_VERB_H

/* Exit status. */
#define VERB_DONE 0
#define VERB_FAILED 1
#define VERB_WRONG_USE 2 /* or input that cannot be used */

/* An option that has only its long name has an id from here on. */
#define VERB_LONG_ONLY 256

struct verb_option {
	int id; /* the letter, or VERB_LONG_ONLY + n */
	const char *name, *argument, *help;
};

struct verb {
	const char *name, *args, *summary;
	const struct verb_option *options; /* ends with a row without a name; may be NULL */
	/* argv[0] is the verb. Returns the exit status. */
	int (*run)(int argc, char **argv);
};

/*
 * The next option: its id, with the argument in the global `optarg`; -1 after the last one, when
 * optind is the first operand; '?' after a mistake, which has been said. Starts anew after -1.
 */
int verb_getopt(const struct verb_option *options, int argc, char **argv);

/* "backdraft: …" and a newline on standard error. Control characters come out as '?'. */
void verb_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same; returns VERB_WRONG_USE and points to --help. */
int verb_usage(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct report;
/*
 * Reads the report of that name, "-" for standard input. VERB_DONE and a report that
 * report_release() frees; or the exit status, after saying what is wrong with it.
 */
int verb_read_report(const char *path, struct report *ret);

/* One for each verb. */
int verb_capture(int argc, char **argv);
int verb_diff(int argc, char **argv);
int verb_doctor(int argc, char **argv);
int verb_dump(int argc, char **argv);
int verb_export(int argc, char **argv);
int verb_replay(int argc, char **argv);
int verb_schema(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_top(int argc, char **argv);
int verb_spool(int argc, char **argv);
int verb_trigger(int argc, char **argv);
int verb_upload(int argc, char **argv);
int verb_watch(int argc, char **argv);

extern const struct verb_option verb_capture_options[], verb_doctor_options[];
extern const struct verb_option verb_diff_options[], verb_dump_options[];
extern const struct verb_option verb_export_options[], verb_replay_options[];
extern const struct verb_option verb_schema_options[], verb_show_options[];
extern const struct verb_option verb_status_options[], verb_top_options[];
extern const struct verb_option verb_trigger_options[];
extern const struct verb_option verb_spool_options[], verb_upload_options[];
extern const struct verb_option verb_watch_options[];

#endif
