// SPDX-License-Identifier: BSD-2-Clause
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/log.h"
#include "server/verb.h"

static const struct server_verb verbs[] = {
	{"run", "", "receive, until it is stopped; what it does without a verb", verb_run},
	{"token", "create NAME [SCOPES] | list | revoke NAME",
	 "make a token (ingest, read, admin; ingest unless told), and print it once; or take it "
	 "back",
	 verb_token},
	{"fsck", "", "read all of the store, and say what is wrong with it", verb_fsck},
	{"backup", "FILE", "a copy of the store, of one moment, while it is in use", verb_backup},
	{"import", "FILE…", "put reports from files into the store, while no server runs on it",
	 verb_import},
};
#define HELP_NAMES 24
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* A name, and behind it what it is, or below it where it is long. */
static void help_row(FILE *to, const char *name, const char *text)
{
	int columns = 0;

	for (const char *p = name; *p; p++)
		columns += (*p & 0xc0) != 0x80; /* of a sign of several bytes only the first one */
	fprintf(to, "  %s", name);
	if (columns > HELP_NAMES) {
		fprintf(to, "\n  ");
		columns = 0;
	}
	fprintf(to, "%*s  %s", HELP_NAMES - columns, "", text);
}

static void help_key(FILE *to, const struct config_key_info *k)
{
	bool limit = !strcmp(k->section, "limits");
	char name[64];

	snprintf(name, sizeof(name), "%s%s%s", limit ? "  " : "--", k->name,
		 limit || k->flag ? "" : " VALUE");
	for (char *p = name; *p && !limit; p++)
		if (*p == '_')
			*p = '-';
	help_row(to, name, k->doc);
	fprintf(to, " (%s)\n", *k->initial ? k->initial : "none");
}

static void help(FILE *to)
{
	struct config_key_info k;
	char name[64];

	fprintf(to, "backdraft-server %s: receives reports\n\n", BD_VERSION);
	fprintf(to, "usage: backdraft-server [OPTIONS] [VERB …]\n\n");
	for (size_t i = 0; i < N_VERBS; i++) {
		snprintf(name, sizeof(name), "%s%s%s", verbs[i].name, *verbs[i].args ? " " : "",
			 verbs[i].args);
		help_row(to, name, verbs[i].summary);
		fputc('\n', to);
	}
	fputc('\n', to);
	help_row(to, "--config FILE", "keys from this file");
	fprintf(to, " (%s, where it is there)\n", CONFIG_PATH_DEFAULT);
	help_row(to, "--limit KEY=VALUE", "one of the limits, which stand last\n");
	for (size_t i = 0; server_config_key(i, &k); i++)
		help_key(to, &k);
	fprintf(to, "\nKeys of the file are those names with _ for -, in [server], [store] and "
		    "[limits].\n");
}

int verb_usage(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_line("%s; backdraft-server --help says more", text);
	return VERB_WRONG_USE;
}

/* The key of an option's name, with - for _; false where there is none. */
static bool find_key(const char *option, struct config_key_info *ret)
{
	for (size_t i = 0; server_config_key(i, ret); i++) {
		const char *a = option, *b = ret->name;

		while (*a && *b && (*a == *b || (*a == '-' && *b == '_')))
			a++, b++;
		if (!*a && !*b && strcmp(ret->section, "limits"))
			return true;
	}
	return false;
}

static int set_limit(struct server_config *c, char *text, char *error)
{
	char *value = text ? strchr(text, '=') : NULL;

	if (!value)
		return verb_usage("--limit KEY=VALUE");
	*value++ = '\0';
	return server_config_set(c, "limits", text, value, error) ? verb_usage("%s", error) : 0;
}

/* One option at args[0]; how many words it has, or -1 after saying what is wrong. */
static int take_option(struct server_config *c, char **args, bool only_config)
{
	char error[CONFIG_ERROR_BYTES], *name = args[0] + 2, *value = strchr(name, '=');
	struct config_key_info key;
	bool inlined = value;
	int words = 1, status = 0;

	if (inlined)
		*value++ = '\0';
	if (!find_key(name, &key) && strcmp(name, "config") && strcmp(name, "limit")) {
		verb_usage("no option '--%s'", name);
		return -1;
	}
	if (strcmp(name, "config") && strcmp(name, "limit") && key.flag) {
		value = value ? value : (char *)"yes";
	} else if (!inlined) {
		value = args[words++];
	}
	if (!value) {
		verb_usage("--%s needs a value", name);
		return -1;
	}
	if (only_config && !strcmp(name, "config"))
		status = server_config_read(c, value, error) ? verb_usage("%s", error) : 0;
	else if (!only_config && !strcmp(name, "limit"))
		status = set_limit(c, value, error);
	else if (!only_config && strcmp(name, "config"))
		status = server_config_set(c, key.section, key.name, value, error)
				 ? verb_usage("%s", error)
				 : 0;
	if (inlined && only_config)
		value[-1] = '=';
	return status ? -1 : words;
}

/* Options may stand anywhere; the file is read first, so that they change what it says. Moves what
 * is no option to the front; its number, or -1. */
static int take_options(struct server_config *c, int n, char **args, bool only_config)
{
	int others = 0;

	for (int i = 0; i < n;) {
		int words;

		if (strncmp(args[i], "--", 2)) {
			char *word = args[i];

			if (!only_config)
				args[others] = word;
			others++;
			i++;
			continue;
		}
		words = take_option(c, args + i, only_config);
		if (words < 0)
			return -1;
		i += words;
	}
	return others;
}

static bool has(int argc, char **argv, const char *word)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], word))
			return true;
	return false;
}

static int configure(struct server_config *c, int argc, char **argv)
{
	char error[CONFIG_ERROR_BYTES];

	if (!has(argc, argv, "--config") && !access(CONFIG_PATH_DEFAULT, R_OK) &&
	    server_config_read(c, CONFIG_PATH_DEFAULT, error)) {
		verb_usage("%s", error);
		return -1;
	}
	if (take_options(c, argc - 1, argv + 1, true) < 0)
		return -1;
	return take_options(c, argc - 1, argv + 1, false);
}

static int run(struct server_config *c, int n, char **args)
{
	for (size_t i = 0; n && i < N_VERBS; i++)
		if (!strcmp(verbs[i].name, args[0]))
			return verbs[i].run(c, n - 1, args + 1);
	return verb_run(c, n, args);
}

int main(int argc, char **argv)
{
	struct server_config c;
	int status = VERB_WRONG_USE, n;

	if (has(argc, argv, "--help") || has(argc, argv, "-h")) {
		help(stdout);
		return fflush(stdout) ? VERB_FAILED : VERB_DONE;
	}
	if (has(argc, argv, "--version")) {
		printf("backdraft-server %s\n", BD_VERSION);
		return fflush(stdout) ? VERB_FAILED : VERB_DONE;
	}
	umask(077);
	if (server_config_init(&c)) {
		log_line("out of memory");
		return VERB_FAILED;
	}
	n = configure(&c, argc, argv);
	if (n >= 0)
		status = run(&c, n, argv + 1);
	server_config_release(&c);
	if (fflush(stdout) || ferror(stdout))
		status = status ? status : VERB_FAILED;
	return status;
}
