// SPDX-License-Identifier: BSD-2-Clause
/* `replay`: the detector of `watch` over a recorded series, with the series' own clock. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/detect/baseline.h"
#include "user/lib/config/config.h"
#include "user/lib/detect/detector.h"
#include "user/lib/detect/series.h"
#include "user/common/verb.h"

#define OUTPUT_BYTES (1 << 18)

struct replay {
	const char *path;
	char name[64]; /* the file's, for sentences */
	struct series *series;
	struct baseline *baseline;
};

static void name_set(struct replay *r)
{
	const char *base = strrchr(r->path, '/');
	size_t n;

	base = base ? base + 1 : r->path;
	n = strlen(base);
	if (n > 4 && !strcmp(base + n - 4, ".csv"))
		n -= 4;
	snprintf(r->name, sizeof(r->name), "%.*s", (int)n, base);
}

static void alert_explain(const struct replay *r, const struct series_row *row,
			  const struct baseline_verdict *v)
{
	char text[256];

	baseline_explain(v, r->name, row->value, "", text, sizeof(text));
	fprintf(stderr, "%s %s\n", row->stamp, text);
}

static void row_print(const struct series_row *row, const struct baseline_verdict *v)
{
	char text[24];

	fputs_unlocked(row->stamp, stdout);
	putc_unlocked(',', stdout);
	fputs_unlocked(row->text, stdout);
	putc_unlocked(',', stdout);
	fwrite_unlocked(text, 1, series_format(text, v->expected), stdout);
	putc_unlocked(',', stdout);
	fwrite_unlocked(text, 1, series_format(text, v->score), stdout);
	fputs_unlocked(v->begins ? ",1\n" : ",0\n", stdout);
}

static int replay_rows(struct replay *r)
{
	struct baseline_verdict verdict;
	struct series_row row;
	char error[160];
	int n;

	puts("timestamp,value,expected,score,alert");
	while ((n = series_next(r->series, &row, error, sizeof(error))) > 0) {
		n = baseline_feed(r->baseline, row.t_s, row.value, &verdict);
		if (n) {
			verb_error("%s: %s: out of range", r->path, row.stamp);
			return VERB_WRONG_USE;
		}
		row_print(&row, &verdict);
		if (verdict.begins)
			alert_explain(r, &row, &verdict);
	}
	if (n < 0) {
		verb_error("%s: %s", r->path, error);
		return VERB_WRONG_USE;
	}
	if (fflush(stdout) || ferror(stdout)) {
		verb_error("standard output: %s", strerror(errno));
		return VERB_FAILED;
	}
	return VERB_DONE;
}

static int replay_file(struct replay *r, FILE *file, struct baseline_options options)
{
	char error[160];
	int status;

	r->series = series_open(file, error, sizeof(error));
	if (!r->series) {
		verb_error("%s: %s", r->path, error);
		return VERB_WRONG_USE;
	}
	options.step_s = series_step_s(r->series);
	if (options.step_s > BASELINE_STEP_MAX_S) {
		verb_error("%s: its rows are %u s apart; at most an hour can be judged", r->path,
			   options.step_s);
		status = VERB_WRONG_USE;
		goto out;
	}
	status = VERB_FAILED;
	r->baseline = baseline_new(&options);
	if (r->baseline)
		status = replay_rows(r);
	else
		verb_error("%s: %s", r->path, strerror(errno));
out:
	baseline_free(r->baseline);
	series_close(r->series);
	return status;
}

#define OPTION_CONFIG VERB_LONG_ONLY
#define OPTION_CLIENT (VERB_LONG_ONLY + 1)
#define CONFIG_BYTES_MAX (1 << 20)

const struct verb_option verb_replay_options[] = {
	{OPTION_CONFIG, "config", "FILE", "take the rules of deviation from its first client"},
	{OPTION_CLIENT, "client", "NAME", "or from this one; \"machine\" for the machine's"},
	{0},
};

/* The rules of the client of that name, of the first, or of the machine; NULL if it isn't there. */
static const struct config_rules *rules_find(const struct config *config, const char *client)
{
	if ((!client && !config->n_clients) || (client && !strcmp(client, "machine")))
		return &config->machine;
	for (size_t i = 0; i < config->n_clients; i++)
		if (!client || !strcmp(config->clients[i].name, client))
			return &config->clients[i].rules;
	return NULL;
}

static int config_read(const char *path, struct config *ret)
{
	static char text[CONFIG_BYTES_MAX];
	struct config_errors errors;
	FILE *file = fopen(path, "r");
	size_t size;
	int err;

	if (!file) {
		verb_error("%s: %s", path, strerror(errno));
		return VERB_WRONG_USE;
	}
	size = fread(text, 1, sizeof(text), file);
	err = ferror(file) ? errno : size == sizeof(text) ? EFBIG : 0;
	fclose(file);
	if (err) {
		verb_error("%s: %s", path, strerror(err));
		return VERB_WRONG_USE;
	}
	err = config_parse(path, text, size, ret, &errors);
	for (size_t i = 0; i < errors.n; i++)
		verb_error("%s", errors.text[i]);
	config_errors_release(&errors);
	return !err ? VERB_DONE : err == -EINVAL ? VERB_WRONG_USE : VERB_FAILED;
}

/* A series is in per cent, as `threshold` is: 100 is one CPU. */
static int options_read(const char *path, const char *client, struct baseline_options *ret)
{
	const struct config_rules *rules;
	struct config config;
	int status = config_read(path, &config);

	if (status)
		return status;
	rules = rules_find(&config, client);
	status = VERB_WRONG_USE;
	if (!rules) {
		verb_error("%s: it has no [client \"%s\"]", path, client);
	} else if (rules->deviation == CONFIG_DEVIATION_OFF) {
		verb_error("%s: deviation = off; there is nothing to replay", path);
	} else {
		*ret = detector_baseline_options(&config.agent, rules, METRIC_CPU, 1);
		ret->least *= 100;
		status = VERB_DONE;
	}
	config_release(&config);
	return status;
}

struct arguments {
	const char *series, *config, *client;
};

/* Options may stand on both sides of the operand. */
static int arguments_read(int argc, char **argv, struct arguments *ret)
{
	struct arguments a = {0};
	int option;

	for (;;) {
		while ((option = verb_getopt(verb_replay_options, argc, argv)) != -1) {
			if (option == OPTION_CONFIG)
				a.config = optarg;
			else if (option == OPTION_CLIENT)
				a.client = optarg;
			else
				return VERB_WRONG_USE;
		}
		if (optind >= argc)
			break;
		if (a.series)
			return verb_usage("replay", "%s: only one series is taken", argv[optind]);
		a.series = argv[optind];
		argc -= optind;
		argv += optind;
		argv[0] = (char *)"replay"; /* what is left is read as a verb again */
	}
	if (!a.series)
		return verb_usage("replay", "a SERIES.csv is needed");
	if (a.client && !a.config)
		return verb_usage("replay", "--client needs --config");
	*ret = a;
	return VERB_DONE;
}

int verb_replay(int argc, char **argv)
{
	struct baseline_options options = baseline_defaults;
	struct replay r = {0};
	struct arguments a = {0};
	FILE *file;
	int status = arguments_read(argc, argv, &a);

	if (!status && a.config)
		status = options_read(a.config, a.client, &options);
	if (status)
		return status;
	r.path = a.series;
	name_set(&r);
	file = strcmp(r.path, "-") ? fopen(r.path, "r") : stdin;
	if (!file) {
		verb_error("%s: %s", r.path, strerror(errno));
		return VERB_WRONG_USE;
	}
	setvbuf(stdout, NULL, _IOFBF, OUTPUT_BYTES);
	status = replay_file(&r, file, options);
	if (file != stdin)
		fclose(file);
	return status;
}
