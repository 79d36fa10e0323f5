// SPDX-License-Identifier: BSD-2-Clause
/* backdraft status and trigger: what the running daemon says, and making it report now. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/verbs/control_client.h"
#include "user/verbs/output.h"
#include "user/verbs/terminal.h"
#include "user/lib/status/status_text.h"
#include "user/common/verb.h"

enum { OPTION_CONFIG = VERB_LONG_ONLY, OPTION_JSON };

#define CONFIG_OPTION                                                                              \
	{                                                                                          \
		OPTION_CONFIG, "config", "FILE",                                                   \
			"where the socket is named; /etc/backdraft/backdraft.conf"                 \
	}

const struct verb_option verb_status_options[] = {
	{OPTION_JSON, "json", NULL, "everything, for programs, on one line"},
	CONFIG_OPTION,
	{0},
};

const struct verb_option verb_trigger_options[] = {CONFIG_OPTION, {0}};

struct arguments {
	const char *config, *operand;
	bool json;
};

/* Options on both sides of at most `most` operands. */
static int parse(struct arguments *a, const struct verb_option *options, int most, int argc,
		 char **argv)
{
	const char *verb = argv[0];

	while (argc > 0) {
		int id;

		while ((id = verb_getopt(options, argc, argv)) != -1) {
			if (id == OPTION_CONFIG)
				a->config = optarg;
			else if (id == OPTION_JSON)
				a->json = true;
			else
				return VERB_WRONG_USE;
		}
		if (optind >= argc)
			break;
		if (!most--)
			return verb_usage(verb, "'%s' is one name too many", argv[optind]);
		a->operand = argv[optind];
		argc -= optind;
		argv += optind;
		/* What is left is read as options of the same verb. */
		argv[0] = (char *)verb;
	}
	return VERB_DONE;
}

static int write_json(void *ctx, struct out *out)
{
	status_write(ctx, out);
	return out->status;
}

static int write_plain(void *ctx, struct out *out)
{
	struct status_text_options options = {.now_s = time(NULL)};

	terminal_look(out->fd, &options.columns, NULL, &options.colour);
	return status_write_plain(ctx, &options, out);
}

int verb_status(int argc, char **argv)
{
	struct arguments a = {0};
	struct control_client c;
	struct status s;
	int status = parse(&a, verb_status_options, 0, argc, argv);

	if (!status)
		status = control_client_open(a.config, &c);
	if (status)
		return status;
	status = control_client_status(&c, STATUS_STATUS, &s);
	control_client_close(&c);
	if (status)
		return status;
	status = output_write(NULL, a.json ? write_json : write_plain, &s);
	status_release(&s);
	return status;
}

static int ask_trigger(struct control_client *c, const struct status_request *request)
{
	char error[STATUS_ERROR_BYTES], *text;
	const char *line;
	size_t len;
	int status = control_client_ask(c, request, &line, &len);

	if (status)
		return status;
	if (status_read_text(line, len, &text, error)) {
		verb_error("%s", error);
		return VERB_FAILED;
	}
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	puts(text);
	free(text);
	return VERB_DONE;
}

int verb_trigger(int argc, char **argv)
{
	struct status_request request = {.verb = STATUS_TRIGGER};
	struct arguments a = {0};
	struct control_client c;
	int status = parse(&a, verb_trigger_options, 1, argc, argv);

	if (status)
		return status;
	if (a.operand && (!*a.operand || strlen(a.operand) >= sizeof(request.client)))
		return verb_usage("trigger", "'%.40s' is no client", a.operand);
	if (a.operand)
		strcpy(request.client, a.operand);
	status = control_client_open(a.config, &c);
	if (status)
		return status;
	status = ask_trigger(&c, &request);
	control_client_close(&c);
	return status;
}
