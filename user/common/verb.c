// SPDX-License-Identifier: BSD-2-Clause
#include "user/common/verb.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERB_OPTIONS_MAX 40

int verb_getopt(const struct verb_option *options, int argc, char **argv)
{
	struct option longs[VERB_OPTIONS_MAX + 1] = {0};
	/* '+': options end at the first operand; ':': a missing argument is told apart. */
	char shorts[2 * VERB_OPTIONS_MAX + 3] = "+:";
	static bool running;
	size_t n = 0, at = 2;
	int id;

	for (; options[n].name && n < VERB_OPTIONS_MAX; n++) {
		bool argument = options[n].argument;

		longs[n] = (struct option){options[n].name, argument, NULL, options[n].id};
		if (options[n].id >= VERB_LONG_ONLY)
			continue;
		shorts[at++] = options[n].id;
		if (argument)
			shorts[at++] = ':';
	}
	if (!running)
		optind = 0;
	running = true;
	opterr = 0;
	id = getopt_long(argc, argv, shorts, longs, NULL);
	if (id == '?')
		verb_usage(argv[0], "%s is no option of it, or takes no argument",
			   argv[optind - (optind > 1)]);
	else if (id == ':')
		verb_usage(argv[0], "%s needs an argument", argv[optind - 1]);
	running = id != -1 && id != '?' && id != ':';
	return id == ':' ? '?' : id;
}

__attribute__((format(printf, 1, 0))) static void verb_say(const char *format, va_list args)
{
	char *line = NULL;

	if (vasprintf(&line, format, args) < 0)
		return;
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	fprintf(stderr, "backdraft: %s\n", line);
	free(line);
}

void verb_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	verb_say(format, args);
	va_end(args);
}

int verb_usage(const char *verb, const char *format, ...)
{
	char *line = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&line, format, args) >= 0)
		verb_error("%s: %s; see backdraft %s --help", verb, line, verb);
	va_end(args);
	free(line);
	return VERB_WRONG_USE;
}
