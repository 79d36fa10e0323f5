// SPDX-License-Identifier: BSD-2-Clause
/* Whether a word behind `user=`, `host:` or `token:` is a value, or only a word of a sentence. */
#include <string.h>

#include "user/lib/scrub/scrub_private.h"

static bool is_one_of(const char *text, size_t len, const char *const *words)
{
	for (; *words; words++) {
		size_t i;

		for (i = 0; i < len && (*words)[i] && scrub_lower(text[i]) == (*words)[i]; i++)
			;
		if (i == len && !(*words)[i])
			return true;
	}
	return false;
}

/* Accounts that every machine has, default users of distributions, and what names anything. */
bool scrub_is_common(const char *text, size_t len)
{
	static const char *const words[] = {
		"root",		 "user",       "users",	      "admin",
		"administrator", "test",       "tests",	      "daemon",
		"nobody",	 "bin",	       "sys",	      "adm",
		"sync",		 "games",      "man",	      "mail",
		"news",		 "proxy",      "www",	      "www-data",
		"backup",	 "list",       "irc",	      "guest",
		"default",	 "system",     "service",     "services",
		"operator",	 "public",     "home",	      "home2",
		"local",	 "localhost",  "localdomain", "localhost.localdomain",
		"host",		 "server",     "client",      "node",
		"main",		 "master",     "worker",      "web",
		"http",		 "https",      "nginx",	      "apache",
		"httpd",	 "mysql",      "mysqld",      "mariadb",
		"postgres",	 "postgresql", "redis",	      "mongodb",
		"git",		 "app",	       "apps",	      "data",
		"database",	 "log",	       "logs",	      "dev",
		"prod",		 "build",      "builder",     "deploy",
		"docker",	 "kubernetes", "jenkins",     "java",
		"python",	 "ubuntu",     "debian",      "fedora",
		"centos",	 "rocky",      "alma",	      "almalinux",
		"arch",		 "vagrant",    "ec2-user",    "pi",
		"linux",	 "unix",       "kernel",      "cloud",
		"sshd",		 "postfix",    "systemd",     "cron",
		"messagebus",	 "anonymous",  "unknown",     "none",
		"null",		 "container",  "sandbox",     "runner",
		"demo",		 "example",    "shared",      "lost+found",
		"ftp",		 "smtp",       "dns",	      "vm",
		"this",		 "that",       "the",	      "and",
		"for",		 "not",	       "celery",      "rabbit",
		"rabbitmq",	 "kafka",      "airflow",     "grafana",
		"elasticsearch", "prometheus", "zabbix",      NULL,
	};

	return is_one_of(text, len, words);
}

bool scrub_word_counts(const char *text)
{
	size_t n = strlen(text);
	bool letter = false;

	for (size_t i = 0; i < n; i++)
		letter |= scrub_is_alpha(text[i]) || (unsigned char)text[i] >= 0x80;
	return n >= 3 && letter && !scrub_is_common(text, n);
}

static bool is_number(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!scrub_is_digit(text[i]) && !scrub_in(".,:%-+", text[i]))
			return false;
	return true;
}

/* What stands behind a name where no value is: how it is, or how the sentence goes on. */
/* clang-format off */
static const char *const states[] = {
	"yes", "no", "true", "false", "on", "off", "null", "nil", "none", "undefined", "empty",
	"unset", "set", "required", "missing", "incorrect", "invalid", "expired", "valid",
	"changed", "rejected", "accepted", "mismatch", "ok", "success", "successful", "failed",
	"failure", "error", "denied", "unknown", "not", "is", "was", "has", "the", "a", "an",
	"unexpected", "redacted", "chauthtok", "not_logging_parameter", "signal", "action",
	"command", "login", "filtered", "hidden", "masked", "plain", "basic", "bearer", "digest",
	"md5", "scram-sha-256", "trust", "peer", "input", "data", "request", "space", "defined",
	"enabled", "disabled", "with", "and", "or", "of", "for", "from", "to", "in", "by",
	"string", "number", "session", "account", NULL
};
/* clang-format on */

static bool is_masked(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != '*' && text[i] != '.' && text[i] != 'x' && text[i] != 'X')
			return false;
	return true;
}

/* Values from generators have digits, or are long. */
static bool is_random(const char *text, size_t len)
{
	if (len >= 24)
		return true;
	for (size_t i = 0; i < len; i++)
		if (scrub_is_digit(text[i]) || text[i] == '=')
			return len >= 6;
	return false;
}

bool scrub_check_secret(struct scrub_match *m)
{
	return is_random(m->text + m->start, m->end - m->start);
}

/* The name whose value it is: letters, _ and - before the separator. */
static bool name_has(const struct scrub_match *m, const char *word)
{
	size_t end = m->start, start, n = strlen(word);

	while (end && scrub_in("\"'\\ \t=:>", m->text[end - 1]))
		end--;
	for (start = end;
	     start && (scrub_is_word(m->text[start - 1]) || scrub_in("_-.", m->text[start - 1]));
	     start--)
		;
	for (; start + n <= end; start++) {
		size_t i;

		for (i = 0; i < n && scrub_lower(m->text[start + i]) == word[i]; i++)
			;
		if (i == n)
			return true;
	}
	return false;
}

/* `PWD=/srv`: the working directory; `auth: token=…`: the value is another pair. */
static bool is_other(const struct scrub_match *m, const char *value, size_t len)
{
	const char *pair = memchr(value, '=', len);

	return (*value == '/' && name_has(m, "pwd") && !name_has(m, "_pwd") &&
		!name_has(m, "-pwd")) ||
	       (pair && pair + 1 < value + len && name_has(m, "auth"));
}

/* Of a password anything is a value that is no state; of a token, what is random or in quotes. */
bool scrub_check_token(struct scrub_match *m)
{
	const char *value = m->text + m->start;
	size_t len = m->end - m->start;
	bool quoted = m->start && (value[-1] == '"' || value[-1] == '\'');

	/* The dot and the like that end a sentence are none of it. */
	while (!quoted && len > 1 && scrub_in(".:!", value[len - 1]))
		m->end--, len--;
	if (is_one_of(value, len, states) || is_masked(value, len) || is_other(m, value, len))
		return false;
	if (name_has(m, "pass") || name_has(m, "pwd") || name_has(m, "secret") ||
	    name_has(m, "psk") || name_has(m, "credential"))
		return true;
	return is_random(value, len) || (quoted && len >= 6 && !memchr(value, ' ', len));
}

/* `git@` in `ssh://git@host` is nobody. */
bool scrub_check_credentials(struct scrub_match *m)
{
	return !scrub_is_common(m->text + m->start, m->end - m->start);
}

bool scrub_check_user(struct scrub_match *m)
{
	const char *value = m->text + m->start;
	size_t len = m->end - m->start;

	while (len && scrub_in(".-", value[len - 1]))
		m->end--, len--;
	return len >= 2 && !is_number(value, len) && !is_one_of(value, len, states) &&
	       !scrub_is_common(value, len);
}

/* `by` also names what isn't a person: a signal, a part of a program. */
bool scrub_check_actor(struct scrub_match *m)
{
	static const char *const words[] = {
		"request",   "timeout",  "policy",   "rule",	 "module",   "plugin", "scheduler",
		"watchdog",  "peer",	 "remote",   "timer",	 "trigger",  "hook",   "hand",
		"kernel",    "init",	 "udev",     "another",	 "other",    "us",     "it",
		"them",	     "its",	 "one",	     "process",	 "thread",   "event",  "script",
		"change",    "manager",	 "handler",  "parent",	 "child",    "cause",  "config",
		"upstream",  "commit",	 "push",     "job",	 "task",     "email",  "socket",
		"librarian", "external", "internal", "previous", "multiple", "all",    "replica",
		"agent",     "name",     "id",	     "account",	 "session",  "mode",   "service",
		"group",     "groups",   "role",     "profile",	 "token",    "info",   "limit",
		"namespace", "interface", "successfully", "has",    "have",   "been",   "just",
		"already",   "now",      "who",	     "they",	 "he",	     "she",    "you",
		"i",	     "we",       "are",	     "be",	 "newly",    "never",  "client",
		"is",	     "was",      "get",	     "being",	 "only",     "user",   "users",
		"password",  "incorrect", "wrong",    "bad",	 "credentials",
		NULL,
	};
	const char *value = m->text + m->start;

	return (value[0] < 'A' || value[0] > 'Z') && scrub_check_user(m) &&
	       !is_one_of(value, m->end - m->start, words);
}

/* What stands in the column of syslog's host in other logs. */
static bool is_level(const char *text, size_t len)
{
	static const char *const words[] = {"info",  "warn",   "warning",  "error", "debug", "trace",
					    "fatal", "notice", "critical", "crit",  "err",   "alert",
					    "emerg", "panic",  "severe",   "fine",  "log",   "verbose",
					    NULL};

	return is_one_of(text, len, words);
}

/* Behind `host: ` a word of a sentence has neither dot nor digit. */
bool scrub_check_host(struct scrub_match *m)
{
	const char *value = m->text + m->start;
	size_t len = m->end - m->start;
	bool sure = m->start < 2 || value[-1] != ' ' || value[-2] != ':';

	for (size_t i = 0; i < len && !sure; i++)
		sure = value[i] == '.' || scrub_is_digit(value[i]);
	return sure && !is_number(value, len) && !is_one_of(value, len, states) &&
	       !is_level(value, len) &&
	       !scrub_is_common(value, len);
}

/* `/home/NAME`: not what a web server has below /home, and no variable. */
bool scrub_check_home(struct scrub_match *m)
{
	static const char *const pages[] = {".html", ".htm", ".php", ".js",  ".css",
					    ".json", ".xml", ".png", ".jpg", ".svg",
					    ".ico",  ".jsp", ".aspx"};
	const char *name;
	size_t len;

	while (m->end > m->start && scrub_in(".!", m->text[m->end - 1]))
		m->end--;
	for (len = 0; len < m->end - m->start && !scrub_in("/\\", m->text[m->end - 1 - len]); len++)
		;
	name = m->text + m->end - len;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		size_t n = strlen(pages[i]);

		if (len > n && !memcmp(name + len - n, pages[i], n))
			return false;
	}
	return len && !scrub_in("$%<#", *name) && !scrub_is_common(name, len);
}

/* The program is a path, or an argument is an option: else it is a sentence. */
bool scrub_check_command(struct scrub_match *m)
{
	size_t program = m->start;

	while (program && (m->text[program - 1] == ' ' || m->text[program - 1] == '\t'))
		program--;
	while (program && !scrub_in(" \t\"'=:[", m->text[program - 1]))
		program--;
	if (m->text[m->start] == '-' || m->text[program] == '/' || m->text[program] == '.')
		return true;
	for (size_t i = m->start; i + 1 < m->end; i++)
		if ((m->text[i] == ' ' || m->text[i] == '=') &&
		    (m->text[i + 1] == '-' || m->text[i] == '='))
			return true;
	return false;
}
